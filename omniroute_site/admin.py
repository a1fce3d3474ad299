"""The dashboard as a whole: login through allauth, users and roles, and which pages of other packages do not show."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm

from billing.budgets import standing
from billing.budgets.bars import block
from omniroute_site.forms import LAST_OWNER, NewUserForm, UserForm
from omniroute_site.roles import Role
from omniroute_site.users import give_role, leaves_no_owner
from providers.dashboard import Page
from providers.wording import ago, chip, on_off

HIDDEN: tuple[type[Model], ...] = (User, Group, EmailAddress, Schedule, Success, Failure, OrmQ)

for model in HIDDEN:
    if admin.site.is_registered(model):
        admin.site.unregister(model)

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

apps.get_app_config("auth").verbose_name = _("Administer")

TONES = {Role.OWNER.value: "warn", Role.OPERATOR.value: "good"}


@admin.register(User)
class UserAdmin(BaseUserAdmin, Page):  # type: ignore[type-arg]
    purpose = _("Who may use this dashboard, and as what. Nobody signs up; an Owner makes users.")
    empty_title = _("No users")
    empty_text = _("Add somebody who shall use this dashboard.")
    empty_button = _("Add a user")
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "role", "email", "state", "seen")
    list_filter = ("groups", "is_active")
    search_fields = ("username", "email")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined", "password_link", "budgets")
    fieldsets = (
        (None, {"fields": ("username", "email", "role", "is_active", "password_link")}),
        (_("Money"), {"fields": ("budgets",)}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "role", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        give_role(form.instance, Role(form.cleaned_data["role"]))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, list[Any]]:
        listed, counts, missing, protected = super().get_deleted_objects(objs, request)
        last = [LAST_OWNER] if leaves_no_owner(list(objs)) else []
        return listed, counts, missing, [*protected, *last]

    @display(description=_("password"))
    def password_link(self, user: User) -> SafeString:
        url = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a class="omni-link" href="{}">{}</a>', url, _("Set another password"))

    @display(description=_("budgets that apply"))
    def budgets(self, user: User) -> SafeString:
        return block(standing.of_user(user.pk), linked=True)

    @display(description=_("role"))
    def role(self, user: User) -> SafeString:
        names = [group.name for group in user.groups.all()]
        name = Role.OWNER.value if user.is_superuser else next(iter(names), "")
        return chip(name or _("none"), TONES.get(name, "plain") if name else "bad")

    @display(description=_("state"), ordering="is_active")
    def state(self, user: User) -> SafeString:
        return on_off(user.is_active, _("active"), _("disabled"))

    @display(description=_("last login"), ordering="last_login")
    def seen(self, user: User) -> SafeString | str:
        return ago(user.last_login) if user.last_login else str(_("never"))


@admin.register(Group)
class RoleAdmin(BaseGroupAdmin, Page):
    purpose = _("What each role may do. The roles are the product's own; they are not edited here.")
    list_display = ("name", "users")
    search_fields = ()
    ordering = ("name",)
    filter_horizontal = ()
    fields = ("name", "rights")
    readonly_fields = ("name", "rights")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(user_count=Count("user"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return False

    @display(description=_("users"), ordering="user_count")
    def users(self, group: Any) -> int:
        return int(group.user_count)

    @display(description=_("may"))
    def rights(self, group: Group) -> SafeString:
        names = group.permissions.order_by("content_type__app_label", "name").values_list("name")
        return format_html('<ul class="omni-list">{}</ul>', format_html_join("", "<li>{}</li>", names))
