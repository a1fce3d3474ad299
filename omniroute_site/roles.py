"""What each role may do: one table, applied as groups of Django's after every migration.

An Owner may do everything and alone manages users. An Operator runs the gateway. A Member has keys of their own and
sees what these used. A Viewer sees everything but secrets and users, and changes nothing.
"""

from enum import StrEnum
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed

VIEW = ("view",)
MANAGE = ("view", "add", "change", "delete")


class Role(StrEnum):
    OWNER = "Owner"
    OPERATOR = "Operator"
    MEMBER = "Member"
    VIEWER = "Viewer"


GATEWAY = {
    "providers.provider": ("view", "change"),
    "providers.providernode": MANAGE,
    "providers.providerconnection": MANAGE,
    "providers.model": MANAGE,
    "providers.upstreamsettings": ("view", "change"),
    "combos.combo": MANAGE,
    "combos.combotarget": MANAGE,
    "combos.modelalias": MANAGE,
    "combos.fallbackchain": MANAGE,
    "combos.fallbackstep": MANAGE,
    "combos.routingsettings": ("view", "change"),
    "combos.gatewaysettings": ("view", "change"),
    "health.providerprofile": MANAGE,
    "health.ratelimitdefaults": ("view", "change"),
    "health.connectionlimit": MANAGE,
    "health.lockoutpolicy": ("view", "change"),
    "health.breaker": VIEW,
    "health.cooldown": VIEW,
    "health.lockout": VIEW,
    "health.healthorder": ("view", "add"),
    "billing.apikey": (*MANAGE, "view_every"),
    "billing.team": MANAGE,
    "billing.pricing": MANAGE,
    "billing.pricechange": VIEW,
    "billing.budget": MANAGE,
    "billing.billingsettings": ("view", "change"),
    "billing.usagerecord": ("view", "view_every"),
    "billing.dailyusage": VIEW,
    "billing.callbody": VIEW,
}

ROLES: dict[Role, dict[str, tuple[str, ...]]] = {
    Role.OWNER: GATEWAY | {"auth.user": MANAGE, "auth.group": VIEW},
    Role.OPERATOR: GATEWAY,
    Role.MEMBER: {
        "billing.apikey": MANAGE,
        "billing.usagerecord": VIEW,
        "billing.dailyusage": VIEW,
        "billing.callbody": VIEW,
        "billing.pricing": VIEW,
        "billing.pricechange": VIEW,
        "providers.provider": VIEW,
        "providers.model": VIEW,
        "combos.combo": VIEW,
        "combos.combotarget": VIEW,
        "combos.modelalias": VIEW,
    },
    Role.VIEWER: dict.fromkeys(GATEWAY, VIEW)
    | {"billing.apikey": ("view", "view_every"), "billing.usagerecord": ("view", "view_every")},
}


def codenames(model: str, deeds: tuple[str, ...]) -> list[str]:
    """`providers.model`, `("view",)` -> `["view_model"]`."""
    name = model.partition(".")[2]
    return [f"{deed}_{name}" for deed in deeds]


def grant_after_migration(sender: AppConfig, using: str, apps: Any = installed, **_: Any) -> None:
    """Django sends this for each app that has models, also after a flush (then without `apps`).

    After the last one every permission is there to grant.
    """
    if sender == last_with_models():
        grant(using, apps)


def last_with_models() -> AppConfig:
    return [app for app in installed.get_app_configs() if app.models_module][-1]


def grant(using: str, apps: Any) -> None:
    """Make the groups say exactly what the table says."""
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    for role, rights in ROLES.items():
        group, _ = group_model.objects.using(using).get_or_create(name=role.value)
        wanted = [
            permission
            for model, deeds in rights.items()
            for permission in permission_model.objects.using(using).filter(
                content_type__app_label=model.partition(".")[0],
                content_type__model=model.partition(".")[2],
                codename__in=codenames(model, deeds),
            )
        ]
        group.permissions.set(wanted)
