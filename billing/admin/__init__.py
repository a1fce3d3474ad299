"""The pages on money: API keys, teams, requests, usage and costs, prices, budgets, and the settings of all of it."""

from billing.admin import budgets, keys, prices, requests, settings, teams, usage

__all__ = ["budgets", "keys", "prices", "requests", "settings", "teams", "usage"]
