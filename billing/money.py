"""US dollars in the database: whole numbers of ten-billionths, so that every database adds them up exactly.

SQLite keeps decimals as floating point, in which a million small costs do not add up to what they are.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db import models

PLACES = 10
ZERO = Decimal(0)
"""The one that rows begin with, so that most of them need no look."""


def units(amount: Decimal) -> int:
    """Ten-billionths of a dollar."""
    return int(amount.scaleb(PLACES).to_integral_value(ROUND_HALF_EVEN))


def dollars(number: int) -> Decimal:
    return Decimal(number).scaleb(-PLACES)


def plain(amount: Decimal) -> str:
    """`10`, `0.25`: without the places that the database keeps."""
    return f"{Decimal(amount).normalize():f}"


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """A Decimal of US dollars in Python, a big integer in the database."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_digits": 18, "decimal_places": PLACES} | options)

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def get_prep_value(self, value: Any) -> Any:
        if value is ZERO:
            return 0
        amount = self.to_python(value) if not hasattr(value, "resolve_expression") else value
        return units(amount) if isinstance(amount, Decimal) else amount

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if prepared else self.get_prep_value(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return self.get_db_prep_value(value, connection, prepared=False)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else dollars(int(value))
