"""A client's Chat Completions request (platform.openai.com/docs/api-reference/chat/create), understood."""

from collections.abc import Mapping
from typing import Any

from translator.dialect import ClientRequest, Dialect
from translator.dialects.openai.messages_in import check_roles, read_messages
from translator.dialects.openai.settings_in import leftovers, read_knobs, read_output, read_thinking
from translator.dialects.openai.tools_in import read_choice, read_tools
from translator.json_body import JsonBody
from translator.messages import Request
from translator.reading import Reader


def read_request(body: JsonBody, model: str = "", is_streaming: bool | None = None) -> ClientRequest:
    """The members that every request has. Raises InvalidRequest, naming the member."""
    reader = Reader(body.value)
    named = model or reader.text("model") or ""
    if not named.strip():
        raise reader.wrong("model", "must be the name of a model, for example `demo/echo`.")
    if not reader.items("messages"):
        raise reader.wrong("messages", "must be a list with at least one message.")
    check_roles(reader.objects("messages"))
    read_knobs(reader)
    streams = reader.boolean("stream") or False
    return ClientRequest(
        Dialect.OPENAI,
        body,
        named,
        is_streaming=streams if is_streaming is None else is_streaming,
        shows_usage=_shows_usage(reader),
    )


def is_responses_body(value: Mapping[str, Any]) -> bool:
    """Whether a client that was told this is the chat endpoint sends it the Responses API's input, as Cursor does."""
    return "messages" not in value and value.get("input") is not None


def decode_request(value: Mapping[str, Any], model: str = "") -> Request:
    """Raises InvalidRequest, naming the member."""
    body = Reader(value)
    if not body.items("messages"):
        raise body.wrong("messages", "must be a list with at least one message.")
    conversation = read_messages(body.objects("messages"))
    tools, tools_left = read_tools(body)
    return Request(
        model or body.text("model") or "",
        tuple(conversation.messages),
        tuple(conversation.system),
        tools,
        read_choice(body, tools),
        read_knobs(body),
        read_thinking(body),
        read_output(body),
        body.boolean("stream") or False,
        _shows_usage(body),
        (*leftovers(body), *tools_left, *conversation.leftovers.values()),
    )


def _shows_usage(body: Reader) -> bool:
    return body.object("stream_options").boolean("include_usage") or False
