"""The shell's facts (name, colours, style sheets) for pages outside the admin: the login and its relatives."""

from typing import Any

from django import template
from django.contrib import admin

register = template.Library()


@register.simple_tag(takes_context=True)
def shell(context: dict[str, Any]) -> dict[str, Any]:
    return admin.site.each_context(context["request"])
