"""Requests as clients write them, drawn at random: valid ones of each dialect, with any of the members it documents.

Job: `bodies(dialect)`, and `MEMBERS`: each optional member alone, with a value that asks for something.
"""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.strategies import PNG, json_objects, texts, words

Json = dict[str, Any]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "title": {"type": "string", "enum": ["a", "b"]}},
    "required": ["city"],
    "additionalProperties": False,
    "$schema": "http://json-schema.org/draft-07/schema#",
}
DATA_URL = f"data:image/png;base64,{PNG}"
FUNCTION = {"name": "get_weather", "description": "Tells.", "parameters": PARAMETERS}
SCHEMA = {"name": "answer", "schema": PARAMETERS, "strict": True}

MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "openai": {
        "max_tokens": 100,
        "max_completion_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.5,
        "stop": ["END"],
        "seed": 7,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.5,
        "logprobs": True,
        "logit_bias": {"1": 5},
        "user": "someone",
        "service_tier": "flex",
        "verbosity": "low",
        "prompt_cache_key": "key",
        "reasoning_effort": "high",
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "prediction": {"type": "content", "content": "x"},
        "web_search_options": {},
        "safety_identifier": "someone",
    },
    "claude": {
        "temperature": 0.5,
        "top_p": 0.5,
        "top_k": 5,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "someone"},
        "service_tier": "standard_only",
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "output_config": {"effort": "low"},
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "mcp_servers": [{"type": "url", "url": "https://example.com", "name": "x"}],
        "container": "c1",
    },
    "gemini": {
        "maxOutputTokens": 100,
        "temperature": 0.5,
        "topP": 0.5,
        "topK": 5,
        "stopSequences": ["END"],
        "seed": 7,
        "presencePenalty": 0.5,
        "frequencyPenalty": 0.5,
        "responseLogprobs": True,
        "thinkingConfig": {"thinkingBudget": 2048},
        "responseMimeType": "application/json",
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "responseModalities": ["TEXT", "IMAGE"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    },
    "responses": {
        "max_output_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.5,
        "top_logprobs": 3,
        "user": "someone",
        "service_tier": "flex",
        "prompt_cache_key": "key",
        "reasoning": {"effort": "high"},
        "text": {"format": {"type": "json_schema", **SCHEMA}},
        "max_tool_calls": 3,
        "safety_identifier": "someone",
    },
}


@st.composite
def bodies(draw: st.DrawFn, dialect: str) -> Json:
    members = draw(st.lists(st.sampled_from(list(MEMBERS[dialect])), unique=True, max_size=5))
    return with_members(dialect, draw(PLAIN[dialect]), {name: MEMBERS[dialect][name] for name in members})


def with_members(dialect: str, body: Json, members: Mapping[str, Any]) -> Json:
    if dialect != "gemini":
        return {**body, **members}
    return {**body, "generationConfig": {**body.get("generationConfig", {}), **members}}


def plain(dialect: str) -> Json:
    """The least that a client can ask."""
    said = {"role": "user", "content": "Hi"}
    bodies: dict[str, Json] = {
        "openai": {"model": "m", "messages": [said]},
        "claude": {"model": "m", "max_tokens": 4096, "messages": [said]},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        "responses": {"model": "m", "input": [said]},
    }
    return bodies[dialect]


# -- one whole conversation in each dialect: words, a picture, calls, their results -----------------------------------


@st.composite
def _openai(draw: st.DrawFn) -> Json:
    picture = {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}}
    content = [{"type": "text", "text": draw(texts)}, *draw(st.sampled_from([[], [picture]]))]
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": "get_weather", "arguments": json.dumps(said)}}
        for n, said in enumerate(draw(st.lists(json_objects, max_size=2)))
    ]
    spoken: Json = {"role": "assistant", "content": draw(st.one_of(st.none() if calls else texts, texts))}
    results = [{"role": "tool", "tool_call_id": call["id"], "content": draw(texts)} for call in calls]
    return {
        "model": "m",
        "messages": [
            {"role": draw(st.sampled_from(["system", "developer"])), "content": draw(texts)},
            {"role": "user", "content": content, **draw(st.sampled_from([{}, {"name": "Ann"}]))},
            spoken | ({"tool_calls": calls} if calls else {}),
            *draw(st.permutations(results)),
            {"role": "user", "content": draw(texts)},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": draw(st.sampled_from(["auto", "none", "required"])),
        "stream": draw(st.booleans()),
    }


@st.composite
def _claude(draw: st.DrawFn) -> Json:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    mark = draw(st.sampled_from([{}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}]))
    text = {"type": "text", "text": draw(texts), **mark}
    calls = [
        {"type": "tool_use", "id": f"toolu_{n}", "name": "get_weather", "input": said}
        for n, said in enumerate(draw(st.lists(json_objects, min_size=1, max_size=2)))
    ]
    content: Any = draw(st.sampled_from(["fine", [text], [picture, text], []]))
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": content} for call in calls]
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}
    return {
        "model": "m",
        "max_tokens": 4096,
        "system": draw(st.sampled_from(["Be brief.", [text]])),
        "messages": [
            {"role": "user", "content": draw(st.sampled_from(["Hi", [text], [text, picture]]))},
            {"role": "assistant", "content": [*draw(st.sampled_from([[], [thought]])), *calls]},
            {"role": "user", "content": [*results, *draw(st.sampled_from([[], [text]]))]},
        ],
        "tools": [{"name": "get_weather", "description": "Tells.", "input_schema": PARAMETERS, **mark}],
        "tool_choice": draw(
            st.sampled_from([{"type": "auto"}, {"type": "any"}, {"type": "tool", "name": "get_weather"}])
        ),
    }


@st.composite
def _gemini(draw: st.DrawFn) -> Json:
    has_ids = draw(st.booleans())
    picture = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    calls, results = [], []
    for number, said in enumerate(draw(st.lists(json_objects, min_size=1, max_size=2))):
        name = {"name": "get_weather", **({"id": f"call{number}"} if has_ids else {})}
        calls.append({"functionCall": {**name, "args": said}})
        results.append({"functionResponse": {**name, "response": draw(json_objects)}})
    return {
        "systemInstruction": {"parts": [{"text": draw(texts)}]},
        "contents": [
            {"role": "user", "parts": [{"text": draw(texts)}, *draw(st.sampled_from([[], [picture]]))]},
            {"role": "model", "parts": [{"text": "Hm.", "thought": True}, *calls]},
            {"role": "user", "parts": [*results, *draw(st.sampled_from([[], [picture]]))]},
        ],
        "tools": [{"functionDeclarations": [FUNCTION | {"parameters": {"type": "OBJECT", "properties": {}}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": draw(st.sampled_from(["AUTO", "ANY", "NONE"]))}},
    }


@st.composite
def _responses(draw: st.DrawFn) -> Json:
    picture = {"type": "input_image", "image_url": DATA_URL, "detail": "auto"}
    custom = {"type": "custom_tool_call", "call_id": "c9", "name": "apply_patch", "input": draw(texts)}
    output = {"type": "custom_tool_call_output", "call_id": "c9", "output": draw(texts)}
    calls = [
        {"type": "function_call", "call_id": f"c{n}", "name": "get_weather", "arguments": json.dumps(said)}
        for n, said in enumerate(draw(st.lists(json_objects, max_size=2)))
    ]
    results = [{"type": "function_call_output", "call_id": call["call_id"], "output": draw(texts)} for call in calls]
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
    return {
        "model": "m",
        "instructions": draw(st.one_of(st.none(), texts)),
        "input": [
            {"role": "developer", "content": draw(texts)},
            {"role": "user", "content": [{"type": "input_text", "text": draw(words)}, picture]},
            *draw(st.sampled_from([[], [reasoning]])),
            *calls,
            *draw(st.permutations(results)),
            *draw(st.sampled_from([[], [custom, output]])),
        ],
        "tools": [
            {"type": "function", **FUNCTION, "strict": False},
            {"type": "custom", "name": "apply_patch", "description": "Edits."},
            *draw(st.sampled_from([[], [{"type": "web_search"}]])),
        ],
        "store": False,
    }


PLAIN: Mapping[str, st.SearchStrategy[Json]] = {
    "openai": _openai(),
    "claude": _claude(),
    "gemini": _gemini(),
    "responses": _responses(),
}
