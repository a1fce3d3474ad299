"""What each dialect can be told, found out by telling it: the table of docs/translation.md.

.venv/bin/python -m tests.losses     # prints the table
"""

import sys
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from translator import crossing
from translator.dialect import Dialect
from translator.losses import CannotSay
from translator.messages import (
    Choice,
    Effort,
    Knob,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Reasoning,
    Request,
    Role,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
)

MODELS: Mapping[Dialect, str] = {
    Dialect.OPENAI: "gpt-4.1",
    Dialect.CLAUDE: "claude-sonnet-4-5",
    Dialect.GEMINI: "gemini-2.5-flash",
    Dialect.RESPONSES: "gpt-4.1",
}
THINKERS = {**MODELS, Dialect.OPENAI: "gpt-5", Dialect.RESPONSES: "gpt-5"}
NAMES = {
    Dialect.OPENAI: "OpenAI Chat",
    Dialect.CLAUDE: "Anthropic",
    Dialect.GEMINI: "Gemini",
    Dialect.RESPONSES: "Responses",
}
CARRIED, DROPPED, REFUSED = "yes", "dropped", "400"

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjEKJUVPRgo="
HELLO = Text("Hello")
LOOK_UP = Tool("look_up", "Looks a word up.", {"type": "object", "properties": {"word": {"type": "string"}}})
SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}

KNOBS: Mapping[Knob, object] = {
    Knob.MAX_TOKENS: 100,
    Knob.TEMPERATURE: 0.5,
    Knob.TOP_P: 0.9,
    Knob.TOP_K: 40,
    Knob.STOP: ("END",),
    Knob.SEED: 7,
    Knob.PRESENCE_PENALTY: 0.5,
    Knob.FREQUENCY_PENALTY: 0.5,
    Knob.LOGPROBS: True,
    Knob.LOGIT_BIAS: {"50256": -100},
    Knob.CHOICES: 2,
    Knob.PARALLEL_TOOL_CALLS: False,
    Knob.USER: "user-1",
    Knob.SERVICE_TIER: "auto",
    Knob.VERBOSITY: "low",
    Knob.PROMPT_CACHE_KEY: "cache-1",
}


def asked(*parts: object, **more: object) -> Request:
    return Request("m", (Message(Role.USER, parts or (HELLO,)),), **more)  # type: ignore[arg-type]


def after_a_call(*answered: object, **facts: object) -> Request:
    """A tool loop in the middle: asked, called, answered."""
    call = ToolCall("call_1", "look_up", '{"word":"tide"}')
    assistant = Message(Role.ASSISTANT, (*facts.pop("before", ()), call))  # type: ignore[misc]
    result = Message(Role.USER, (ToolResult("call_1", answered or (HELLO,), **facts),))  # type: ignore[arg-type]
    return Request("m", (Message(Role.USER, (HELLO,)), assistant, result), tools=(LOOK_UP,))


def media(kind: MediaKind, mime: str, data: str = PNG) -> Media:
    return Media(kind, mime, data=data, at="messages[0].content[0]")


CONTENT: Mapping[str, Request] = {
    "text, several turns": asked(),
    "system text in front": asked(system=(Text("Be brief."),)),
    "system text in the middle": replace(asked(), messages=(*asked().messages, Message(Role.SYSTEM, (HELLO,)))),
    "picture, inline": asked(media(MediaKind.IMAGE, "image/png")),
    "picture by URL": asked(Media(MediaKind.IMAGE, "image/png", url="https://example.org/a.png")),
    "PDF, inline": asked(media(MediaKind.DOCUMENT, "application/pdf", PDF)),
    "PDF by URL": asked(Media(MediaKind.DOCUMENT, "application/pdf", url="https://example.org/a.pdf")),
    "text document": asked(media(MediaKind.DOCUMENT, "text/plain", "SGVsbG8=")),
    "sound (wav, mp3)": asked(media(MediaKind.AUDIO, "audio/wav", "UklGRiQAAABXQVZF")),
    "film": asked(media(MediaKind.VIDEO, "video/mp4", "AAAA")),
    "file by its vendor's id": asked(Media(MediaKind.DOCUMENT, file_id="file-1", at="messages[0].content[0]")),
    "tools and tool choice": asked(tools=(LOOK_UP,), tool_choice=ToolChoice(Choice.REQUIRED, ("look_up",))),
    "freeform (custom) tool": asked(tools=(Tool("patch", kind=ToolKind.FREEFORM),)),
    "the vendor's own web search": asked(tools=(Tool("web_search", kind=ToolKind.WEB_SEARCH),)),
    "tool calls and results": after_a_call(),
    "failed tool result": after_a_call(is_error=True),
    "picture in a tool result": after_a_call(media(MediaKind.IMAGE, "image/png")),
    "JSON of a schema": asked(output=OutputFormat(SCHEMA, "answer", strict=True)),
    "JSON of any shape": asked(output=OutputFormat()),
}
THINKING: Mapping[str, Request] = {
    "thinking effort": asked(thinking=Thinking(True, effort=Effort.HIGH)),
    "thinking budget": asked(thinking=Thinking(True, budget=4096)),
    "thinking off": asked(thinking=Thinking(False)),
}


def rows() -> Iterator[tuple[str, list[str]]]:
    """What is asked, and what becomes of it in each dialect."""
    for name, request in CONTENT.items():
        yield name, [becomes(request, dialect, MODELS[dialect]) for dialect in MODELS]
    for name, request in THINKING.items():
        yield name, [becomes(request, dialect, THINKERS[dialect]) for dialect in MODELS]
    for maker, name in (("claude", "Claude's"), ("gemini", "Gemini's"), ("openai", "OpenAI's")):
        signed = after_a_call(before=(Reasoning("Let me see.", Signature(maker, "c2lnbmF0dXJl")),))
        yield f"{name} signed reasoning", [survives(signed, dialect) for dialect in MODELS]
    for knob, value in KNOBS.items():
        request = asked(tools=(LOOK_UP,), knobs={knob: value})
        yield f"`{knob}`", [becomes(request, dialect, MODELS[dialect]) for dialect in MODELS]


def becomes(request: Request, dialect: Dialect, model: str) -> str:
    try:
        encoded = crossing.cross_request(request, dialect, model)
    except CannotSay:
        return REFUSED
    return DROPPED if encoded.dropped else CARRIED


def survives(request: Request, dialect: Dialect) -> str:
    encoded = crossing.cross_request(request, dialect, THINKERS[dialect])
    return CARRIED if "c2lnbmF0dXJl" in str(encoded.body) else "kept back"


def table() -> str:
    lines = [f"| asked | {' | '.join(NAMES[dialect] for dialect in MODELS)} |", "| --- |" + " --- |" * len(MODELS)]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
