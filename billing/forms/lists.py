"""Job: a form field for a list of texts, written one on a line or with commas."""

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

BETWEEN = re.compile(r"[,\n\r]+")


class ListField(forms.CharField):
    """Its value is a list without doubles, in the order in which it was written."""

    def __init__(self, *, placeholder: str = "", **options: Any) -> None:
        attributes = {"rows": 3, "spellcheck": "false", "placeholder": placeholder, "class": "font-mono"}
        widget = UnfoldAdminTextareaWidget(attrs=attributes)
        super().__init__(**{"required": False, "widget": widget, "max_length": 100_000, **options})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        text: str = super().clean(value)
        return list(dict.fromkeys(entry for piece in BETWEEN.split(text) if (entry := piece.strip())))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), "\n".join(self.clean(data)))
