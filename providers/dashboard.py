"""Job: what the pages of every app share: saying what they are for, switches, settings that exist once.

Law: presentation only. A page of a model subclasses `Page`; what a page does is a deed of that model's app.
"""

from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext
from unfold.admin import ModelAdmin

from providers.wording import Text


class PlainChoices(BaseModelAdmin):  # type: ignore[type-arg]
    """A choice of a related row without the buttons that edit that row: it has a page of its own."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field


class Page(PlainChoices, ModelAdmin):
    """A changelist that says what it is for, and, while it is empty, has the one button that fills it."""

    purpose: Text = ""
    empty_title: Text = ""
    empty_text: Text = ""
    empty_button: Text = ""
    empty_needs_add = True
    """Whether the button leads to this page's own add form, which not everybody may open."""
    list_before_template = "providers/purpose.html"
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def empty_link(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_add")


class Switchable(Page):
    """Rows that can be switched on and off from the list. `switch` names the field."""

    switch = "is_active"

    def set_switch(self, request: HttpRequest, queryset: QuerySet[Any], is_on: bool) -> None:
        changed = queryset.update(**{self.switch: is_on})
        self.message_user(request, gettext("%(count)d changed.") % {"count": changed})


class OneView(ModelAdmin):
    """A page that is one view of our own, under the name of its model's changelist; `overview` answers it."""

    purpose: Text = ""

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        return [path("", self.admin_site.admin_view(self.changelist_view), name=name)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.overview(request)

    def overview(self, request: HttpRequest) -> HttpResponse:
        raise NotImplementedError

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        shell = self.admin_site.each_context(request) | {"purpose": self.purpose}
        return TemplateResponse(request, template, shell | context)


class SingletonPage(ModelAdmin):
    """One form and no list: settings that exist once."""

    purpose: Text = ""
    change_form_before_template = "providers/purpose_of_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", 1)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return self.model.load() if object_id == "1" else None
