"""What a request needs, and which models are known to lack it."""

from dataclasses import dataclass

import pytest

from providers.capabilities import Feature, Needs, lacks, needs_of
from providers.catalogue import catalogue
from tests.talk import BODIES, DIALECTS
from translator.dialects import DIALECTS as MODULES
from translator.messages import Media, MediaKind, Message, OutputFormat, Request, Role, Text, ToolResult


@dataclass(frozen=True)
class Known:
    upstream_id: str
    context_window: int | None = None


def asking(*parts: Text | Media | ToolResult, **more: object) -> Request:
    return Request("m", (Message(Role.USER, parts),), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("name", "features"),
    [("text", set()), ("image", {Feature.IMAGES}), ("tools", {Feature.TOOLS}), ("loop", {Feature.TOOLS})],
)
def test_a_request_needs_what_is_in_it(dialect: str, name: str, features: set[Feature]) -> None:
    module = next(module for key, module in MODULES.items() if key.value == dialect)
    assert needs_of(module.decode_request(BODIES[name][dialect], "m")).features == features


@pytest.mark.parametrize(
    ("request_", "feature"),
    [
        (asking(Media(MediaKind.AUDIO, "audio/wav", data="AA==")), Feature.AUDIO),
        (asking(Media(MediaKind.DOCUMENT, "application/pdf", data="AA==")), Feature.DOCUMENTS),
        (asking(ToolResult("a", (Media(MediaKind.IMAGE, "image/png", data="AA=="),))), Feature.IMAGES),
        (asking(Text("x"), output=OutputFormat({"type": "object"})), Feature.SCHEMA),
    ],
)
def test_what_is_deep_inside_is_needed_too(request_: Request, feature: Feature) -> None:
    assert needs_of(request_).features == {feature}


def test_any_json_needs_no_schema() -> None:
    assert needs_of(asking(Text("x"), output=OutputFormat())).features == frozenset()


@pytest.mark.parametrize(
    ("model", "lacking"),
    [
        ("deepseek-ai/deepseek-v3.2", {"images", "audio", "video", "documents", "structured output"}),
        ("accounts/fireworks/models/llama-v3p3-70b-instruct", {"images", "audio", "video", "documents"}),
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", {"audio", "video"}),
        ("openai/gpt-oss-120b", {"images", "audio", "video", "documents"}),
        ("gpt-4", {"images", "audio", "video", "documents"}),
        ("gpt-4o", {"audio", "video"}),
        ("gpt-4o-audio-preview", {"images", "video"}),
        ("gpt-5.2-codex", {"audio", "video"}),
        ("claude-opus-4-6", {"audio", "video"}),
        ("kimi-k2", {"images", "audio", "video", "documents"}),
        ("kimi-k2.5", set()),
        ("glm-4.6", {"images", "audio", "video", "documents", "structured output"}),
        ("glm-4.6v", {"audio", "video", "structured output"}),
        ("sonar-pro", {"audio", "video", "tools"}),
        ("gemini-2.5-pro", set()),
        ("nobody-knows-it", set()),
    ],
)
def test_a_model_lacks_what_its_row_says(model: str, lacking: set[str]) -> None:
    assert set(lacks(Known(model), Needs(frozenset(Feature)))) == lacking


def test_a_request_without_needs_lacks_nothing_anywhere() -> None:
    models = [model for vendor in catalogue().values() for model in vendor.models.values()]
    assert not any(lacks(model, Needs()) for model in models)


@pytest.mark.parametrize(("window", "is_short"), [(None, False), (100_000, True), (200_000, False)])
def test_a_window_that_is_known_to_be_too_small_is_named(window: int | None, is_short: bool) -> None:
    short = lacks(Known("x", window), Needs(tokens=150_000))
    assert short == (["a context window of about 150,000 tokens (it has 100,000)"] if is_short else [])
