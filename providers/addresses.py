"""Where each dialect's calls go: URL templates, in which `{model}` may stand, and the URLs made from them.

Law: an operator gives a base URL, with or without the version at its end; a vendor's URLs stand in its file. A model's
name comes from a client: it fills its place in the path and can neither leave it nor add a query.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

import httpx

from translator.dialect import Dialect

PLACE = "{model}"
COLLECTIONS = ("models/", "tunedModels/")
"""Gemini's: an id may say its own, which then stands in the place of `models/`."""
LONGEST_NAME = 1000
"""Characters. No model has such a name; of a longer one the beginning is asked for, and refused by the upstream."""
VERSIONED = re.compile(r"/v\d+(?:(?:alpha|beta)\d*)?$")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Templates: for answers in one piece, for streams, and for counting tokens where that is offered."""

    whole: str
    stream: str
    count: str | None = None


def of_node(dialect: Dialect, base_url: str) -> Addresses:
    return BELOW[dialect](base_url.rstrip("/"))


def _chat(base: str) -> Addresses:
    return Addresses(f"{base}/chat/completions", f"{base}/chat/completions")


def _responses(base: str) -> Addresses:
    return Addresses(f"{base}/responses", f"{base}/responses")


def _messages(base: str) -> Addresses:
    messages = f"{_versioned(base, 'v1')}/messages"
    return Addresses(messages, messages, f"{messages}/count_tokens")


def _generate_content(base: str) -> Addresses:
    model = f"{_versioned(base, 'v1beta')}/models/{PLACE}"
    return Addresses(f"{model}:generateContent", f"{model}:streamGenerateContent?alt=sse", f"{model}:countTokens")


def _versioned(base: str, version: str) -> str:
    return base if VERSIONED.search(base) else f"{base}/{version}"


BELOW: Mapping[Dialect, Callable[[str], Addresses]] = {
    Dialect.OPENAI: _chat,
    Dialect.RESPONSES: _responses,
    Dialect.CLAUDE: _messages,
    Dialect.GEMINI: _generate_content,
}


def filled(template: str, model: str) -> httpx.URL:
    """The template's URL for a model. Made once, since parsing a URL costs more than anything else on the way."""
    return _made(template, model[:LONGEST_NAME] if PLACE in template else "")


@lru_cache(maxsize=1024)
def _made(template: str, model: str) -> httpx.URL:
    place = f"models/{PLACE}" if model.startswith(COLLECTIONS) else PLACE
    return httpx.URL(template.replace(place, _in_path(model)))


def _in_path(model: str) -> str:
    """Slashes stay, since servers like this one name models with them, unless they would climb out of the path."""
    climbs = not {"", ".", ".."}.isdisjoint(model.split("/"))
    return quote(model, safe="" if climbs else "/")
