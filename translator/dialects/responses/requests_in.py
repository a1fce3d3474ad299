"""A client's request: what routing needs of it, and all that it asks for in the neutral vocabulary."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from translator.dialect import ClientRequest, Dialect
from translator.dialects.responses import tools_in
from translator.dialects.responses.items_in import ROLES, Conversation, type_of
from translator.dialects.responses.vocabulary import EFFORTS
from translator.json_body import JsonBody, MalformedJson
from translator.losses import Dropped, InvalidRequest
from translator.messages import Knob, OutputFormat, Request, Text, Thinking
from translator.reading import MOST_TOKENS, Reader

_Read: TypeAlias = Callable[[Reader, str], Any]
_UNSAYABLE = "no other API has a word for it"
_REFUSED: Mapping[str, str] = {
    "previous_response_id": "names no answer that is known here.",
    "conversation": "is not supported: send the whole conversation as `input`.",
    "prompt": "is not supported: prompts are stored at their vendor.",
}
_QUIET = frozenset({"model", "input", "instructions", "tools", "tool_choice", "text", "reasoning", "stream"}) | {
    "background",
    "client_metadata",
    "include",
    "store",
    "stream_options",
    "truncation",
}
"""Members that are read, or that tell the vendor how to keep and send an answer rather than what to answer."""


def _text(request: Reader, name: str) -> str | None:
    return request.text(name)


def _whole(least: int, most: int | None = None) -> _Read:
    return lambda request, name: request.integer(name, least, most)


def _number(least: float, most: float) -> _Read:
    return lambda request, name: request.number(name, least, most)


def _boolean(request: Reader, name: str) -> bool | None:
    return request.boolean(name)


_KNOBS: Mapping[str, tuple[Knob, _Read]] = {
    "max_output_tokens": (Knob.MAX_TOKENS, _whole(1, MOST_TOKENS)),
    "temperature": (Knob.TEMPERATURE, _number(0, 2)),
    "top_p": (Knob.TOP_P, _number(0, 1)),
    "top_logprobs": (Knob.TOP_LOGPROBS, _whole(0, 20)),
    "parallel_tool_calls": (Knob.PARALLEL_TOOL_CALLS, _boolean),
    "user": (Knob.USER, _text),
    "safety_identifier": (Knob.USER, _text),
    "service_tier": (Knob.SERVICE_TIER, _text),
    "prompt_cache_key": (Knob.PROMPT_CACHE_KEY, _text),
}
"""Of two names of one knob the later one counts."""


def read_request(body: JsonBody, model: str = "", is_streaming: bool | None = None) -> ClientRequest:
    """Raises InvalidRequest, naming the member."""
    try:
        body.spans  # noqa: B018 - finds members that appear twice
    except MalformedJson as error:
        raise InvalidRequest(str(error)) from None
    request = Reader(body.value)
    named = model or request.text("model") or ""
    if not named.strip():
        raise request.wrong("model", "must be the name of a model, for example `demo/echo`.")
    _check_input(request)
    for item in _items(request) if request.value.get("input") else ():
        _check_role(item)
    _knobs(request)
    streams = bool(request.boolean("stream"))
    return ClientRequest(Dialect.RESPONSES, body, named, streams if is_streaming is None else is_streaming)


def _check_role(item: Reader) -> None:
    if type_of(item) == "message":
        item.required_text("role")
        item.one_of("role", ROLES)


def _check_input(request: Reader) -> None:
    found = request.value.get("input")
    goes_on = bool(request.value.get("previous_response_id"))
    if not isinstance(found, str | list) or not (found or goes_on):
        raise request.wrong("input", "must be a text, or a list with at least one item.")


def decode_request(value: Mapping[str, Any], model: str = "") -> Request:
    """Raises InvalidRequest, naming the member. The answer of `previous_response_id` must be in the input by now."""
    request = Reader(value)
    _refuse(request)
    _check_input(request)
    talk = Conversation()
    talk.tools += tools_in.read_tools(request.objects("tools"), talk.dropped)
    if instructions := request.text("instructions"):
        talk.system.append(Text(instructions))
    talk.read(_items(request))
    if not talk.messages and not talk.system:
        raise request.wrong("input", "has nothing in it that could be answered.")
    return Request(
        model=model or request.text("model") or "",
        messages=talk.messages,
        system=tuple(talk.system),
        tools=tuple(talk.tools),
        tool_choice=tools_in.read_choice(request, talk.tools, talk.dropped),
        knobs=_knobs(request),
        thinking=_thinking(request.object("reasoning")),
        output=_output(request.object("text").object("format")),
        is_streaming=bool(request.boolean("stream")),
        leftovers=tuple(_unique([*talk.dropped, *_leftovers(value)])),
    )


def _refuse(request: Reader) -> None:
    for name, why in _REFUSED.items():
        if request.value.get(name):
            raise request.wrong(name, why)
    if request.boolean("background"):
        raise request.wrong("background", "is not supported: answers come at once.")


def _items(request: Reader) -> list[Reader]:
    found = request.value["input"]
    if isinstance(found, str):
        return [Reader({"role": "user", "content": found}, "input")]
    return request.objects("input")


def _knobs(request: Reader) -> dict[Knob, Any]:
    knobs: dict[Knob, Any] = {}
    for name, (knob, read) in _KNOBS.items():
        said = read(request, name)
        if said is not None:
            knobs[knob] = said
    if verbosity := request.object("text").text("verbosity"):
        knobs[Knob.VERBOSITY] = verbosity
    return knobs


def _thinking(reasoning: Reader) -> Thinking | None:
    effort = reasoning.text("effort")
    word = reasoning.one_of("effort", EFFORTS)
    summary = reasoning.text("summary") or reasoning.text("generate_summary")
    if effort is None and summary is None:
        return None
    is_shown = True if summary not in (None, "none") else None
    return Thinking(is_on=effort is None or word is not None, effort=word, is_shown=is_shown)


def _output(form: Reader) -> OutputFormat | None:
    kind = form.text("type")
    if kind == "json_object":
        return OutputFormat()
    if kind != "json_schema":
        if kind not in (None, "text"):
            raise form.wrong("type", f"must be one of text, json_object, json_schema, not `{kind[:80]}`.")
        return None
    facts = form.object("json_schema") if isinstance(form.value.get("json_schema"), dict) else form
    schema = facts.mapping("schema")
    if schema is None:
        raise facts.wrong("schema", "is missing.")
    return OutputFormat(schema, facts.text("name") or "", facts.text("description") or "", facts.boolean("strict"))


def _leftovers(value: Mapping[str, Any]) -> Iterable[Dropped]:
    known = _QUIET | _KNOBS.keys() | _REFUSED.keys()
    return (
        Dropped(name[:80], _UNSAYABLE) for name, said in value.items() if name not in known and said not in (None, {})
    )


def _unique(dropped: Iterable[Dropped]) -> Iterable[Dropped]:
    return dict.fromkeys(dropped)
