"""Requests of Chat Completions to try: one that says all there is, and short ways to write others."""

from typing import Any

import orjson

from translator.crossing import target_of
from translator.dialect import Dialect, Target
from translator.dialects import openai
from translator.families import Family, ThinkingStyle
from translator.messages import (
    Effort,
    Message,
    Part,
    Request,
    Role,
    Signature,
    Text,
)

Json = dict[str, Any]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQK"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
ANY = Target("m", Family("openai", ThinkingStyle.EFFORT, tuple(Effort)))
"""Takes all that the dialect can say."""

CLAUDE, GEMINI, OPENAI = Signature("claude", "Eq=="), Signature("gemini", "Q2xp"), Signature("openai", "gAAA")

FULL: Json = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            ],
        },
        {
            "role": "assistant",
            "content": "Both.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "tide", "arguments": '{"n":1}'}},
                {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "2.4 m"},
        {"role": "tool", "tool_call_id": "b", "content": "done"},
        {"role": "system", "content": "Storm."},
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "user", "content": "Go on."},
    ],
    "tools": [
        {"type": "function", "function": {"name": "tide", "description": "T", "parameters": SCHEMA, "strict": True}},
        {
            "type": "custom",
            "custom": {
                "name": "patch",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}},
            },
        },
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "tide"}}]},
    },
    "parallel_tool_calls": False,
    "max_completion_tokens": 99,
    "temperature": 0.3,
    "top_p": 0.9,
    "stop": ["END"],
    "seed": 7,
    "presence_penalty": 1,
    "frequency_penalty": -1,
    "logit_bias": {"7": 1},
    "user": "crew",
    "verbosity": "low",
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "reasoning_effort": "xhigh",
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}},
    "stream": True,
    "stream_options": {"include_usage": True},
}


def decoded(*messages: Json, **members: Any) -> Request:
    return openai.decode_request({"model": "m", "messages": [*messages]} | members)


def said(**members: Any) -> Request:
    return decoded({"role": "user", "content": "x"}, **members)


def asked(*messages: Message, **members: Any) -> Request:
    return Request("m", messages or (user(Text("x")),), **members)


def user(*parts: Part) -> Message:
    return Message(Role.USER, parts)


def assistant(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def written(request: Request, model: str = "gpt-4.1") -> Json:
    body = openai.encode_request(request, target_of(Dialect.OPENAI, model)).body
    return orjson.loads(orjson.dumps(body))  # type: ignore[no-any-return]


def dropped(request: Request, model: str = "gpt-4.1") -> set[str]:
    return {loss.what for loss in openai.encode_request(request, target_of(Dialect.OPENAI, model)).dropped}
