"""Job: the admin's shell: name, colours, and the sidebar, which is the product's table of contents.

Law: an entry stands here only while its page exists, and is shown only to who may view that page.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Entry = dict[str, object]


def may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def entry(title: str | Promise, icon: str, model: str) -> Entry:
    """The changelist of `app.model`, for who may view it."""
    app, name = model.split(".")
    link = reverse_lazy(f"admin:{app}_{name}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": may(f"{app}.view_{name}")}


def is_at(inside: str | Promise, *others: str | Promise) -> Callable[[HttpRequest], bool]:
    """Whether the page is one under that address, and not one of those that have an entry of their own."""
    return lambda request: request.path.startswith(str(inside)) and request.path not in map(str, others)


COMBOS = reverse_lazy("admin:combos_combo_changelist")
EXPLAIN = reverse_lazy("admin:combos_combo_explain")
WHAT_IF = reverse_lazy("admin:combos_combo_what_if")
USAGE = reverse_lazy("admin:billing_dailyusage_changelist")
COSTS = reverse_lazy("admin:billing_dailyusage_costs")
PRICES = reverse_lazy("admin:billing_pricing_changelist")
GLANCE = reverse_lazy("admin:billing_pricing_glance")

NAVIGATION = [
    {"items": [{"title": _("Home"), "icon": "home", "link": reverse_lazy("admin:index")}]},
    {
        "title": _("Connect"),
        "items": [
            entry(_("Providers"), "cloud", "providers.provider"),
            entry(_("Nodes"), "dns", "providers.providernode"),
            entry(_("Connections"), "cable", "providers.providerconnection"),
            entry(_("Models"), "neurology", "providers.model"),
            entry(_("Combos"), "alt_route", "combos.combo") | {"active": is_at(COMBOS, EXPLAIN, WHAT_IF)},
            entry(_("Aliases"), "label", "combos.modelalias"),
            entry(_("Fallback chains"), "low_priority", "combos.fallbackchain"),
            entry(_("API keys"), "key", "billing.apikey"),
            entry(_("Teams"), "groups", "billing.team"),
        ],
    },
    {
        "title": _("Watch"),
        "items": [
            entry(_("Requests"), "receipt_long", "billing.usagerecord"),
            entry(_("Usage"), "bar_chart", "billing.dailyusage") | {"active": is_at(USAGE, COSTS)},
            {"title": _("Costs"), "icon": "payments", "link": COSTS, "permission": may("billing.view_dailyusage")},
            entry(_("Limits"), "speed", "health.connectionlimit"),
            entry(_("Health"), "monitor_heart", "health.breaker"),
            entry(_("Lockouts"), "lock_person", "health.lockout"),
        ],
    },
    {
        "title": _("Understand"),
        "items": [
            {"title": _("Explain"), "icon": "help_center", "link": EXPLAIN, "permission": may("combos.view_combo")},
            entry(_("What if"), "query_stats", "billing.usagerecord") | {"link": WHAT_IF},
        ],
    },
    {
        "title": _("Money"),
        "items": [
            entry(_("Prices"), "sell", "billing.pricing") | {"active": is_at(PRICES, GLANCE)},
            {
                "title": _("Pricing at a glance"),
                "icon": "view_list",
                "link": GLANCE,
                "permission": may("billing.view_pricing"),
            },
            entry(_("Budgets"), "savings", "billing.budget"),
            entry(_("Money settings"), "payments", "billing.billingsettings"),
        ],
    },
    {
        "title": _("Administer"),
        "items": [
            entry(_("Routing"), "fork_right", "combos.routingsettings"),
            entry(_("Provider profiles"), "hourglass_top", "health.providerprofile"),
            entry(_("Lockout policies"), "policy", "health.lockoutpolicy"),
            entry(_("Timeouts"), "timer", "providers.upstreamsettings"),
            entry(_("Request limits"), "tune", "combos.gatewaysettings"),
            entry(_("Users"), "group", "auth.user"),
            entry(_("Roles"), "badge", "auth.group"),
        ],
    },
]

BASE = {
    "50": "oklch(98.4% .003 247)",
    "100": "oklch(96.8% .006 247)",
    "200": "oklch(92.4% .010 250)",
    "300": "oklch(86.9% .016 252)",
    "400": "oklch(70.4% .026 256)",
    "500": "oklch(53.5% .032 257)",
    "600": "oklch(44.6% .034 257)",
    "700": "oklch(37.2% .034 257)",
    "800": "oklch(27.4% .030 258)",
    "900": "oklch(20.6% .026 260)",
    "950": "oklch(14.5% .022 262)",
}

TEAL = {
    "50": "oklch(97.5% .014 200)",
    "100": "oklch(94.5% .030 200)",
    "200": "oklch(89.5% .055 202)",
    "300": "oklch(82.5% .085 205)",
    "400": "oklch(74.5% .105 208)",
    "500": "oklch(66.0% .110 212)",
    "600": "oklch(51.0% .095 216)",
    "700": "oklch(45.5% .085 218)",
    "800": "oklch(39.5% .070 220)",
    "900": "oklch(34.0% .058 222)",
    "950": "oklch(25.0% .045 224)",
}

UNFOLD: dict[str, object] = {
    "SITE_TITLE": "OmniRoute",
    "SITE_HEADER": "OmniRoute",
    "SITE_URL": None,
    "SITE_SYMBOL": "alt_route",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("omniroute/icon.svg"),
        }
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "COLORS": {"base": BASE, "primary": TEAL},
    "STYLES": [lambda request: static("omniroute/dashboard.css")],
    "SCRIPTS": [
        lambda request: static("omniroute/dashboard.js"),
        lambda request: static("omniroute/live.js"),
    ],
    "DASHBOARD_CALLBACK": "omniroute_site.home.front_page",
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change password"), "link": reverse_lazy("account_change_password")},
            {"title": _("E-mail addresses"), "link": reverse_lazy("account_email")},
        ]
    },
    "COMMAND": {"search_models": False, "show_history": False},
    "SIDEBAR": {
        "show_search": False,
        "command_search": False,
        "show_all_applications": False,
        "navigation": NAVIGATION,
    },
}
