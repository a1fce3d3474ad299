"""The forms of users: a name, a role, a password."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from omniroute_site.roles import Role
from omniroute_site.users import leaves_no_owner, role_of

LAST_OWNER = _("This is the last Owner. Make somebody else an Owner first.")

MEANING = _(
    "Owner: everything, and alone manages users. Operator: runs the gateway. "
    "Member: keys of their own. Viewer: sees everything but secrets and users."
)


def role_field() -> forms.ChoiceField:
    choices = [(role.value, role.value) for role in Role]
    return forms.ChoiceField(
        label=_("Role"), choices=choices, initial=Role.MEMBER, help_text=MEANING, widget=UnfoldAdminSelectWidget
    )


class NewUserForm(UserCreationForm):
    role = role_field()


class UserForm(UserChangeForm):
    role = role_field()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["role"].initial = role_of(self.instance)

    def clean(self) -> Any:
        cleaned = super().clean()
        stays = self.cleaned_data.get("role") == Role.OWNER and self.cleaned_data.get("is_active")
        if not stays and leaves_no_owner([User(pk=self.instance.pk)]):
            field = "is_active" if self.cleaned_data.get("role") == Role.OWNER else "role"
            raise ValidationError({field: gettext(str(LAST_OWNER))})
        return cleaned
