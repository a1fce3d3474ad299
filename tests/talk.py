"""What clients ask: the same conversations in the words of four dialects, and an upstream that answers in its own.

Job: `BODIES`, `post`, `assert_error`, `nodes_of`, `says`. Law: every body is one that the dialect's own vendor would
take, but for the model and the wish to stream. Not here: what SDKs make of the answers, which is `tests/sdks.py`.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from tests import upstream as play
from tests import wire
from tests.calls import Call
from tests.clients.pictures import draw
from tests.gateway import GatewayProcess
from tests.upstream import Behaviour, ScriptedUpstream
from tests.wire import Json

HTTP = httpx.Client(verify=False, timeout=30)
"""Making one costs more than a request, reading the certificates most of it."""
DIALECTS = ("openai", "claude", "gemini", "responses")
PREFIXES = {"openai": "o", "claude": "c", "gemini": "g", "responses": "r"}
PNG = draw(200, 30, 30)
PNG_TEXT = b64encode(PNG).decode()
DATA_URL = f"data:image/png;base64,{PNG_TEXT}"

CITY: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Json = {"name": "get_weather", "description": "Tells the weather."}
QUESTION = "How is the weather in Oslo and in Rome?"

TOOLS: Mapping[str, Json] = {
    "openai": {"tools": [{"type": "function", "function": WEATHER | {"parameters": CITY}}]},
    "claude": {"tools": [WEATHER | {"input_schema": CITY}]},
    "gemini": {"tools": [{"functionDeclarations": [WEATHER | {"parametersJsonSchema": CITY}]}]},
    "responses": {"tools": [{"type": "function", "strict": False, **WEATHER, "parameters": CITY}]},
}

TEXT: Mapping[str, Json] = {
    "openai": {"messages": [{"role": "user", "content": "hello"}]},
    "claude": {"max_tokens": 4096, "messages": [{"role": "user", "content": "hello"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    "responses": {"input": "hello"},
}

THINKING: Mapping[str, Json] = {
    "openai": {**TEXT["openai"], "reasoning_effort": "high"},
    "claude": {**TEXT["claude"], "thinking": {"type": "enabled", "budget_tokens": 2048}},
    "gemini": {
        **TEXT["gemini"],
        "generationConfig": {"thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": True}},
    },
    "responses": {**TEXT["responses"], "reasoning": {"effort": "high", "summary": "auto"}},
}

IMAGE: Mapping[str, Json] = {
    "openai": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": DATA_URL}},
                ],
            }
        ]
    },
    "claude": {
        "max_tokens": 100,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT}},
                ],
            }
        ],
    },
    "gemini": {
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "What is this?"}, {"inlineData": {"mimeType": "image/png", "data": PNG_TEXT}}],
            }
        ]
    },
    "responses": {
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
                ],
            }
        ]
    },
}


OSLO, ROME = ("a1", "Oslo"), ("b2", "Rome")


def openai_call(id: str, city: str) -> Json:
    return {"id": id, "type": "function", "function": {"name": "get_weather", "arguments": f'{{"city": "{city}"}}'}}


LOOP: Mapping[str, Json] = {
    "openai": {
        **TOOLS["openai"],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": QUESTION},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [openai_call("a1", "Oslo"), openai_call("b2", "Rome")],
            },
            {"role": "tool", "tool_call_id": "b2", "content": "18 degrees"},
            {"role": "tool", "tool_call_id": "a1", "content": "4 degrees"},
        ],
    },
    "claude": {
        **TOOLS["claude"],
        "max_tokens": 100,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": QUESTION},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "a1", "name": "get_weather", "input": {"city": "Oslo"}},
                    {"type": "tool_use", "id": "b2", "name": "get_weather", "input": {"city": "Rome"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "b2", "content": "18 degrees"},
                    {"type": "tool_result", "tool_use_id": "a1", "content": [{"type": "text", "text": "4 degrees"}]},
                ],
            },
        ],
    },
    "gemini": {
        **TOOLS["gemini"],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": QUESTION}]},
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}},
                    {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "get_weather", "response": {"output": "4 degrees"}}},
                    {"functionResponse": {"name": "get_weather", "response": {"output": "18 degrees"}}},
                ],
            },
        ],
    },
    "responses": {
        **TOOLS["responses"],
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": QUESTION},
            {"type": "function_call", "call_id": "a1", "name": "get_weather", "arguments": '{"city": "Oslo"}'},
            {"type": "function_call", "call_id": "b2", "name": "get_weather", "arguments": '{"city": "Rome"}'},
            {"type": "function_call_output", "call_id": "b2", "output": "18 degrees"},
            {"type": "function_call_output", "call_id": "a1", "output": "4 degrees"},
        ],
    },
}

BODIES: Mapping[str, Mapping[str, Json]] = {
    "text": TEXT,
    "tools": {dialect: TEXT[dialect] | TOOLS[dialect] for dialect in DIALECTS},
    "thinking": THINKING,
    "image": IMAGE,
    "loop": LOOP,
}


# -- asking -----------------------------------------------------------------------------------------------------------

PATHS = {"openai": "/v1/chat/completions", "claude": "/v1/messages", "responses": "/v1/responses"}


def path_of(client: str, model: str, stream: bool = False) -> str:
    if client == "gemini":
        return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
    return PATHS[client]


def post(
    gateway: GatewayProcess, client: str, model: str, body: Any = None, stream: bool = False, **options: Any
) -> httpx.Response:
    """The body sent as that client would send it; a body that is `bytes` goes out as it is."""
    content = body if body is not None else BODIES["text"][client]
    if isinstance(content, dict) and client != "gemini":
        content = {"model": model, **content} | ({"stream": True} if stream else {})
    sent = {"content": content} if isinstance(content, bytes) else {"json": content}
    return HTTP.post(gateway.root + path_of(client, model, stream), **sent, **options)


def assert_error(answer: httpx.Response, shape: str, status: int) -> str:
    """The message of an error that has this dialect's shape and words for the status."""
    assert answer.status_code == status, answer.text
    said = answer.json()
    error = said["error"]
    if shape == "ollama":
        return str(error)
    if shape == "gemini":
        words = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
        assert error["code"] == status
        assert error["status"] == words.get(status, error["status"])
    elif shape == "claude":
        words = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error"}
        words |= {413: "request_too_large", 429: "rate_limit_error"}
        assert said["type"] == "error"
        assert error["type"] == words.get(status, error["type"])
    else:
        assert set(error) - {"attempts"} == {"message", "type", "param", "code"}
    return str(error["message"])


# -- being asked ------------------------------------------------------------------------------------------------------


def nodes_of(gateway: GatewayProcess, upstream: ScriptedUpstream, before: str = "", **facts: Any) -> None:
    """The upstream as four nodes, `o/...`, `c/...`, `g/...` and `r/...`, one for each dialect; once is enough.

    `before` stands in front of those prefixes, for nodes with other `facts`.
    """
    known = {node["prefix"] for node in gateway.api("GET", "/provider-nodes")["nodes"]}
    new = {before + prefix: dialect for dialect, prefix in PREFIXES.items() if before + prefix not in known}
    for prefix, dialect in new.items():
        gateway.add_node(prefix, upstream.url, api_key=None, dialect=dialect, **facts)
        gateway.api("POST", "/providers", {"provider": prefix, "apiKey": "sk-upstream", "name": "main"}, 201)
    if new:
        gateway.settle()


DIALECTS_OF_ENDPOINTS = {"/chat/completions": "openai", "/messages": "claude", "/responses": "responses"}
ANSWERS = {
    "openai": (wire.openai_answer, wire.openai_chunks),
    "claude": (wire.claude_answer, wire.claude_chunks),
    "gemini": (wire.gemini_answer, wire.gemini_chunks),
    "responses": (wire.responses_answer, wire.responses_chunks),
}


def dialect_of(call: Call) -> str:
    return next((name for ending, name in DIALECTS_OF_ENDPOINTS.items() if call.path.endswith(ending)), "gemini")


def wants_stream(call: Call) -> bool:
    return ":stream" in call.path or bool(call.fields.get("stream"))


def says(
    *pieces: str, finish: Mapping[str, str] | None = None, after: int | None = None, **facts: Any
) -> Callable[[Call], Behaviour]:
    """This answer, in the dialect and the way it is asked for. `finish` has each dialect's word; `after` cuts it."""

    def told(call: Call) -> Behaviour:
        dialect = dialect_of(call)
        answer, chunks = ANSWERS[dialect]
        asks_usage = bool((call.fields.get("stream_options") or {}).get("include_usage"))
        word = (finish or {}).get(dialect, "")
        said = {"model": call.model, "finish": word, "include_usage": asks_usage, **facts}
        if not wants_stream(call):
            return play.json(200, answer(*pieces, **said))
        whole = play.sse(chunks(*pieces, **said))
        return whole if after is None else play.end_after(after, whole)

    return told
