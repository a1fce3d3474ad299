"""The figures of `billing.figures`, and relative times, as template filters."""

from django import template

from billing import figures
from providers import wording

register = template.Library()
register.filter("money", figures.money)
register.filter("count", figures.count)
register.filter("tokens", figures.tokens)
register.filter("percent", figures.percent)
register.filter("milliseconds", figures.milliseconds)
register.filter("spread", figures.spread)
register.filter("rate", figures.rate)
register.filter("ago", wording.ago)
register.filter("countdown", wording.countdown)
