"""The forms of combos, chains, aliases and the routing settings. They show errors at fields; the deeds decide."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from combos import chains, suggestions
from combos.aliases import check_alias
from combos.models import Combo, ComboTarget, FallbackStep, ModelAlias, RoutingSettings
from combos.strategies import ACCOUNT_MEANINGS, MEANINGS, Strategy
from combos.targets import check_default_strategy, check_name, check_together, faults_of, put_in_order

MOST_IN_FORM = 100
"""Targets. A page with more of them takes seconds, and sends more fields than one request may have."""

LAST = 32_767
"""What a small integer holds on every database."""

Meanings = Mapping[Any, str | Promise]


def explained(meanings: Meanings) -> list[tuple[str, Any]]:
    """The choices of a strategy, each with what it does."""
    return [(strategy.value, format_lazy("{}: {}", strategy.label, said)) for strategy, said in meanings.items()]


class OffersNames(forms.ModelForm):  # type: ignore[type-arg]
    """A form with a field in which a model is named."""

    naming = "model"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.naming in self.fields:
            attributes = {"list": suggestions.ELEMENT, "autocomplete": "off", "spellcheck": "false"}
            self.fields[self.naming].widget.attrs |= attributes


class PlacedForm(OffersNames):
    """A row that is dragged into its place. A new one has none until somebody drags it: it goes last."""

    position = forms.IntegerField(required=False, min_value=0, label=_("position"))

    def clean_position(self) -> int:
        position = self.cleaned_data.get("position")
        return LAST if position is None else int(position)


class PlacedFormSet(PaginationInlineFormSet):
    """Rows that are judged together, and numbered as they stand once they are saved."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if self._is_kept(form)]
        if not any(form.errors for form in self.forms):
            self.check_together([form.instance for form in kept])
        for place, fault in self.faults_of([form.instance for form in kept]).items():
            self._show(kept[place], fault)

    def _is_kept(self, form: Any) -> bool:
        filled = bool(getattr(form, "cleaned_data", {}).get("model"))
        return filled and not self._should_delete_form(form)

    def _show(self, form: Any, fault: ValidationError) -> None:
        """What its own fields have found already is not said again."""
        for name, messages in fault.message_dict.items():
            if name not in form.errors:
                form.add_error(name if name in form.fields else None, messages)

    def check_together(self, rows: list[Any]) -> None:
        raise NotImplementedError

    def faults_of(self, rows: list[Any]) -> dict[int, ValidationError]:
        raise NotImplementedError

    def save(self, commit: bool = True) -> Any:
        saved = super().save(commit)
        if commit:
            put_in_order(list(self.model.objects.filter(**{self.fk.name: self.instance})))
        return saved


class TargetForm(PlacedForm):
    weight = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=100,
        initial=1,
        label=_("weight"),
        help_text=_("For the strategy “weighted”: how many of 100 requests, where all weights add up to 100."),
        widget=UnfoldAdminIntegerFieldWidget(attrs={"min": 0, "max": 100, "inputmode": "numeric"}),
    )

    class Meta:
        model = ComboTarget
        fields = ("position", "model", "connection", "weight")
        help_texts = {"model": ""}

    def clean_weight(self) -> int:
        weight = self.cleaned_data.get("weight")
        return 1 if weight is None else int(weight)


class TargetFormSet(PlacedFormSet):
    def check_together(self, rows: list[ComboTarget]) -> None:
        check_together(self.instance, rows)

    def faults_of(self, rows: list[ComboTarget]) -> dict[int, ValidationError]:
        return faults_of(self.instance, rows)


class StepForm(PlacedForm):
    class Meta:
        model = FallbackStep
        fields = ("position", "model", "is_enabled")
        help_texts = {"model": ""}


class StepFormSet(PlacedFormSet):
    def check_together(self, rows: list[FallbackStep]) -> None:
        chains.check_together(rows)

    def faults_of(self, rows: list[FallbackStep]) -> dict[int, ValidationError]:
        return chains.faults_of(rows)


def has_too_many(combo: Combo | None) -> bool:
    """Whether the combo has more targets than a form can hold, so that they are changed elsewhere."""
    return combo is not None and ComboTarget.objects.filter(combo_id=combo.pk).count() > MOST_IN_FORM


class ComboForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Combo
        fields = (
            "name",
            "is_enabled",
            "strategy",
            "max_retries",
            "retry_delay_ms",
            "timeout_ms",
            "concurrency_per_model",
            "queue_timeout_ms",
            "skips_unhealthy",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        defaults: RoutingSettings = RoutingSettings.load()
        if "strategy" in self.fields:
            self._offer_strategies(defaults)
        for name in self.fields.keys() & {field.name for field in RoutingSettings._meta.fields} - {"strategy"}:
            self._show_default(name, getattr(defaults, name))

    def _offer_strategies(self, defaults: RoutingSettings) -> None:
        label = gettext("As the routing settings say: %(strategy)s") % {"strategy": Strategy(defaults.strategy).label}
        field: Any = self.fields["strategy"]
        field.choices = [("", label), *explained(MEANINGS)]

    def _show_default(self, name: str, default: Any) -> None:
        self.fields[name].widget.attrs["placeholder"] = gettext("no limit") if default is None else str(default)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("name"):
            check_name(Combo(pk=self.instance.pk, name=cleaned["name"]))
        if has_too_many(self.instance):
            check_together(Combo(strategy=cleaned.get("strategy", "")), list(self.instance.targets.all()))
        return cleaned


class AliasForm(OffersNames):
    naming = "target"

    class Meta:
        model = ModelAlias
        fields = ("pattern", "target", "is_enabled")

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                check_alias(self.instance)
            except ValidationError as error:
                self._update_errors(error)  # type: ignore[attr-defined]


class RoutingForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = RoutingSettings
        exclude = ("id",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, meanings in (("account_strategy", ACCOUNT_MEANINGS), ("strategy", MEANINGS)):
            if name in self.fields:
                field: Any = self.fields[name]
                field.choices = explained(meanings)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        check_default_strategy(cleaned.get("strategy", ""))
        return cleaned
