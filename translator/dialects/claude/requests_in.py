"""Requests of Anthropic's clients (docs.claude.com/en/api/messages): checked, and read into the neutral vocabulary."""

from collections.abc import Mapping
from typing import Any

from translator.dialect import ClientRequest, Dialect
from translator.dialects.claude.content_in import Leftovers, leave, parts_of, texts_of
from translator.dialects.claude.tools_in import allows_parallel_calls, choice_of, tools_of
from translator.json_body import JsonBody
from translator.losses import CannotSay, Dropped
from translator.messages import Effort, Knob, Message, OutputFormat, Request, Role, Text, Thinking
from translator.reading import MOST_TOKENS, Reader

_ROLES: Mapping[str, Role] = {role.value: role for role in Role}
_TIERS: Mapping[str, str] = {"auto": "auto", "standard_only": "default"}
"""In OpenAI's words, which are ours."""
_EFFORTS: Mapping[str, Effort] = {effort.value: effort for effort in Effort if effort is not Effort.MINIMAL}
_IS_SHOWN: Mapping[str, bool] = {"summarized": True, "updates": True, "omitted": False}
_LEAST_BUDGET = 1024
_BILLING_NOTE = "x-anthropic-billing-header:"
"""Claude Code's first system text is for Anthropic's accounts; it changes with each request and would undo caching."""

_READ = frozenset(
    {"model", "messages", "max_tokens", "system", "tools", "tool_choice", "thinking", "output_config", "output_format"}
    | {"temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier", "stream"}
)


def read_request(
    body: JsonBody, model: str = "", is_streaming: bool | None = None, needs_max_tokens: bool = True
) -> ClientRequest:
    """Requests for a count alone have no `max_tokens`. Raises InvalidRequest."""
    reader = Reader(body.value)
    named = model or _model(reader)
    for message in _messages(reader):
        _role(message)
    _max_tokens(reader, needs_max_tokens)
    _sampling(reader)
    streams = reader.boolean("stream") or False
    return ClientRequest(Dialect.CLAUDE, body, named, streams if is_streaming is None else is_streaming)


def decode_request(value: Mapping[str, Any], model: str = "", needs_max_tokens: bool = True) -> Request:
    """Requests for a count alone have no `max_tokens`. Raises InvalidRequest."""
    body, leftovers = Reader(value), Leftovers()
    tools = tools_of(body, leftovers)
    messages = tuple(_message(message, leftovers) for message in _messages(body))
    system = _system(body, leftovers)
    if not system and not any(message.parts for message in messages):
        raise body.wrong("messages", "must say something.")
    return Request(
        model=model or _model(body),
        messages=messages,
        system=system,
        tools=tools,
        tool_choice=choice_of(body, tools, leftovers),
        knobs=_knobs(body, _max_tokens(body, needs_max_tokens)),
        thinking=_thinking(body),
        output=_output(body),
        is_streaming=body.boolean("stream") or False,
        leftovers=_all(body, leftovers),
    )


def _model(body: Reader) -> str:
    name = body.text("model")
    if not name or not name.strip():
        raise body.wrong("model", "must be the name of a model, for example `demo/echo`.")
    return name


def _messages(body: Reader) -> list[Reader]:
    if not body.items("messages"):
        raise body.wrong("messages", "must be a list with at least one message.")
    return body.objects("messages")


def _max_tokens(body: Reader, is_required: bool) -> int | None:
    most = body.integer("max_tokens", 1, MOST_TOKENS)
    if most is None and is_required:
        raise body.wrong("max_tokens", "is missing: it must be a whole number of at least 1.")
    return most


def _message(message: Reader, leftovers: Leftovers) -> Message:
    role = _role(message)
    if role is not Role.SYSTEM and message.value.get("content") is None:
        raise message.wrong("content", "is missing.")
    return Message(role, parts_of(message, role, leftovers))


def _role(message: Reader) -> Role:
    message.required_text("role")
    role: Role = message.one_of("role", _ROLES)
    return role


def _system(body: Reader, leftovers: Leftovers) -> tuple[Text, ...]:
    texts = tuple(text for text in texts_of(body, "system", leftovers) if text.text)
    if not texts or not texts[0].text.startswith(_BILLING_NOTE) or "\n" in texts[0].text.strip():
        return texts
    leave(leftovers, _BILLING_NOTE.removesuffix(":"), "a note for Anthropic's accounts")
    return texts[1:]


# -- settings ---------------------------------------------------------------------------------------------------------


def _knobs(body: Reader, max_tokens: int | None) -> dict[Knob, Any]:
    found = {
        Knob.MAX_TOKENS: max_tokens,
        **_sampling(body),
        Knob.USER: body.object("metadata").text("user_id"),
        Knob.SERVICE_TIER: body.one_of("service_tier", _TIERS),
        Knob.PARALLEL_TOOL_CALLS: None if allows_parallel_calls(body) else False,
    }
    return {knob: value for knob, value in found.items() if value is not None}


def _sampling(body: Reader) -> dict[Knob, Any]:
    return {
        Knob.TEMPERATURE: body.number("temperature", 0, 1),
        Knob.TOP_P: body.number("top_p", 0, 1),
        Knob.TOP_K: body.integer("top_k", least=0),
        Knob.STOP: body.texts("stop_sequences") or None,
    }


def _thinking(body: Reader) -> Thinking | None:
    effort: Effort | None = body.object("output_config").one_of("effort", _EFFORTS)
    if body.mapping("thinking") is None:
        return Thinking(is_on=True, effort=effort) if effort else None
    wish = body.object("thinking")
    is_shown: bool | None = wish.one_of("display", _IS_SHOWN)
    match wish.required_text("type"):
        case "disabled":
            return Thinking(is_on=False)
        case "adaptive":
            return Thinking(is_on=True, effort=effort, is_shown=is_shown)
        case "enabled":
            return Thinking(is_on=True, effort=effort, budget=_budget(wish), is_shown=is_shown)
        case other:
            raise wish.wrong("type", f"must be one of enabled, disabled, adaptive, not `{other[:80]}`.")


def _budget(wish: Reader) -> int:
    budget = wish.integer("budget_tokens", least=_LEAST_BUDGET)
    if budget is None:
        raise wish.wrong("budget_tokens", "is missing.")
    return budget


def _output(body: Reader) -> OutputFormat | None:
    """`output_format` is the name that structured outputs had in their beta."""
    config = body.object("output_config")
    owner = config if config.mapping("format") is not None else body
    name = "format" if owner is config else "output_format"
    if owner.mapping(name) is None:
        return None
    wanted = owner.object(name)
    if wanted.required_text("type") != "json_schema":
        raise wanted.wrong("type", "must be json_schema.")
    schema = wanted.mapping("schema")
    if schema is None:
        raise wanted.wrong("schema", "is missing.")
    return OutputFormat(schema, strict=True)


def _all(body: Reader, leftovers: Leftovers) -> tuple[Dropped, ...]:
    """What the parts left over, and the members of the body that no other dialect has a word for."""
    if body.object("thread").value.get("type") == "continue":
        raise CannotSay("`thread`: what was said before is held by Anthropic's servers alone.", "thread")
    if body.object("output_config").value.get("task_budget") is not None:
        leave(leftovers, "output_config.task_budget")
    for name, value in body.value.items():
        if name not in _READ and value is not None:
            leave(leftovers, name, "only Anthropic's API has it")
    return tuple(leftovers.values())
