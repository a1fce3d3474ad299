"""Job: the deeds on users of the dashboard: their role, and that an Owner always remains.

Law: a user has exactly one role. Only Owners come here, and the last one of them can neither leave nor be made less.
"""

from collections.abc import Collection

from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet

from omniroute_site.roles import Role


def owners() -> QuerySet[User]:
    """Who may manage users now. A superuser without a role (`createsuperuser`) is one of them."""
    return User.objects.filter(Q(groups__name=Role.OWNER) | Q(is_superuser=True), is_active=True).distinct()


def role_of(user: User) -> Role | None:
    if user.is_superuser:
        return Role.OWNER
    name = user.groups.filter(name__in=list(Role)).values_list("name", flat=True).first()
    return Role(name) if name else None


def leaves_no_owner(leaving: Collection[User]) -> bool:
    """Whether nobody could manage users any more without these."""
    gone = {user.pk for user in leaving}
    remaining = owners().exclude(pk__in=gone)
    return owners().filter(pk__in=gone).exists() and not remaining.exists()


def give_role(user: User, role: Role) -> None:
    """Exactly this role, and access to the dashboard, which every role has. Less than Owner is no superuser."""
    user.groups.set([Group.objects.get(name=role.value)])
    user.is_staff = True
    user.is_superuser = user.is_superuser and role is Role.OWNER
    user.save(update_fields=["is_staff", "is_superuser"])
