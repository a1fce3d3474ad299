"""How numbers are written: money, token counts, milliseconds. Each short, with the exact one on hover where it differs.

Money goes to the cent; below a cent, to four significant digits, so that a small price is never shown as nothing.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

CENT = Decimal("0.01")
SIGNIFICANT_DIGITS = 4


def money(amount: Decimal | None) -> str:
    """`$1,204.50`, `$0.0001235`, `$0.00`, `-$2.50`."""
    value = Decimal(amount or 0)
    if value < 0:
        return f"-{money(-value)}"
    if value == 0 or value >= 1:
        return f"${value.quantize(CENT, ROUND_HALF_UP):,}"
    places = max(4, SIGNIFICANT_DIGITS - 1 - value.adjusted())
    text = f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}".rstrip("0")
    return "$" + text.ljust(len("0.00"), "0")


def count(number: int | None) -> str:
    """`840`, `12.4K`, `3.1M`, `2B`."""
    value = float(number or 0)
    if value < 1000:
        return f"{value:.0f}"
    for unit in ("K", "M", "B"):
        value /= 1000
        if value < 999.95 or unit == "B":
            return f"{value:.1f}".removesuffix(".0") + unit
    raise AssertionError("unreachable")


def tokens(number: int | None) -> SafeString:
    """`12.4K`, with the exact count on hover."""
    exact = gettext("%(number)s tokens") % {"number": f"{number or 0:,}"}
    return format_html('<span title="{}">{}</span>', exact, count(number))


def milliseconds(number: float | None) -> str:
    """`840 ms`, `2.4 s`, `—` where it never happened."""
    if number is None:
        return "—"
    if number < 1000:
        return f"{number:.0f} ms"
    return f"{number / 1000:,.1f} s"


class _Spread(Protocol):
    p50: float
    p95: float


def spread(milliseconds_of: _Spread | None) -> str:
    """`840 ms / 2.4 s`, `—` where it never happened."""
    if milliseconds_of is None:
        return "—"
    return f"{milliseconds(milliseconds_of.p50)} / {milliseconds(milliseconds_of.p95)}"


def rate(a_second: float | None) -> str:
    """`84.2`, `1,204`, `—`."""
    if a_second is None:
        return "—"
    return f"{a_second:,.0f}" if a_second >= 100 else f"{a_second:.1f}"


def percent(share: float | None) -> str:
    """`98.2 %` of a share of 1, `—` of nothing. Only what is whole says 100 %, and only what is nothing 0 %."""
    if share is None:
        return "—"
    rounded = round(share * 100, 1)
    if rounded in (0, 100) and share not in (0, 1):
        return "< 0.1 %" if rounded == 0 else "> 99.9 %"
    return f"{rounded:g} %"
