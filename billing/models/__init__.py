"""Who pays: API keys and teams, prices, budgets, and what every request used and cost."""

from billing.api_keys.rules import Scope
from billing.models.budgets import Budget, BudgetNotice, BudgetQuerySet, Level, Mark, Period
from billing.models.keys import ApiKey, ApiKeyQuerySet, FormerKey, Team
from billing.models.prices import PriceChange, PriceSource, Pricing
from billing.models.settings import BillingSettings
from billing.models.shipped import ShippedPrice
from billing.models.usage import CallBody, CostSource, DailyUsage, UsageAttempt, UsageQuerySet, UsageRecord

__all__ = [
    "ApiKey",
    "ApiKeyQuerySet",
    "BillingSettings",
    "Budget",
    "BudgetNotice",
    "BudgetQuerySet",
    "CallBody",
    "CostSource",
    "DailyUsage",
    "FormerKey",
    "Level",
    "Mark",
    "Period",
    "PriceChange",
    "PriceSource",
    "Pricing",
    "Scope",
    "ShippedPrice",
    "Team",
    "UsageAttempt",
    "UsageQuerySet",
    "UsageRecord",
]
