"""The form of a combo's targets: at least one, each naming a model somebody serves."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import PaginationInlineFormSet

from combos import snapshot
from combos.models import ComboTarget
from combos.targets import check_target, put_in_order

LAST = 32_767
"""What a small integer holds on every database."""


class TargetForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new row has no position of its own until somebody drags it: it goes last."""

    position = forms.IntegerField(required=False, min_value=0, label=_("position"))

    class Meta:
        model = ComboTarget
        fields = ("position", "model", "connection")
        help_texts = {"model": ""}

    def clean_position(self) -> int:
        position = self.cleaned_data.get("position")
        return LAST if position is None else int(position)


class TargetFormSet(PaginationInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if self._is_kept(form)]
        if not kept and not any(form.errors for form in self.forms):
            raise ValidationError(gettext("A combo needs at least one target, or it could answer nothing."))
        known = snapshot.load()
        for form in kept:
            self._check(form, known)

    def _is_kept(self, form: Any) -> bool:
        filled = bool(getattr(form, "cleaned_data", {}).get("model"))
        return filled and not self._should_delete_form(form)

    def _check(self, form: Any, known: snapshot.Snapshot) -> None:
        try:
            check_target(form.cleaned_data["model"], form.cleaned_data.get("connection"), known)
        except ValidationError as error:
            form._update_errors(error)

    def save(self, commit: bool = True) -> Any:
        saved = super().save(commit)
        if commit:
            put_in_order(list(self.instance.targets.order_by("position", "pk")))
        return saved
