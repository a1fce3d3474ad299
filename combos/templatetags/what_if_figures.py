"""How the What if page writes differences, as template filters."""

from decimal import Decimal

from django import template

from billing.figures import money
from combos.what_if.text import share_of, signed

register = template.Library()
register.filter("signed", signed)
register.filter("difference", share_of)


@register.filter
def amount(value: Decimal) -> str:
    """Money without its sign, where a word says it."""
    return money(abs(value))


@register.filter
def thousands(number: int) -> str:
    return f"{number:,}"
