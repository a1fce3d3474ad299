"""A client's conversation: roles, tool calls and their results, and what it repeats of a model's reasoning."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from translator.dialects.openai import signed
from translator.dialects.openai.content_in import cache, content, part, texts
from translator.losses import Dropped
from translator.messages import (
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Signature,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from translator.reading import Reader


@dataclass(slots=True)
class Conversation:
    """`system` is what stood before anything else was said."""

    system: list[Text] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    leftovers: dict[str, Dropped] = field(default_factory=dict)

    def leave(self, name: str, why: str) -> None:
        self.leftovers.setdefault(name, Dropped(name, why))


def read_messages(items: Iterable[Reader]) -> Conversation:
    conversation = Conversation()
    for item in items:
        item.required_text("role")
        item.one_of("role", _ROLES)(item, conversation)
    return conversation


def _system(item: Reader, conversation: Conversation) -> None:
    said = texts(item)
    _leave_name(item, conversation)
    if conversation.messages:
        conversation.messages.append(Message(Role.SYSTEM, said))
    else:
        conversation.system += said


def _user(item: Reader, conversation: Conversation) -> None:
    if item.value.get("content") is None:
        raise item.wrong("content", "is missing.")
    _leave_name(item, conversation)
    conversation.messages.append(Message(Role.USER, content(item)))


def _tool(item: Reader, conversation: Conversation) -> None:
    result = ToolResult(item.required_text("tool_call_id"), _result(item), name=item.text("name") or "")
    conversation.messages.append(Message(Role.USER, (_with_cache(result, item),)))


def _function(item: Reader, conversation: Conversation) -> None:
    """The older spelling, without ids."""
    result = ToolResult("", _result(item), name=item.required_text("name"))
    conversation.messages.append(Message(Role.USER, (result,)))


def _result(item: Reader) -> tuple[Text | Media, ...]:
    return tuple(each for each in content(item) if isinstance(each, Text | Media))


def _with_cache(result: ToolResult, item: Reader) -> ToolResult:
    mark = cache(item)
    return ToolResult(result.call_id, result.content, name=result.name, cache=mark) if mark else result


def _leave_name(item: Reader, conversation: Conversation) -> None:
    if item.value.get("name"):
        conversation.leave("messages.name", "only OpenAI's dialect names participants")


# -- the assistant's --------------------------------------------------------------------------------------------------


def _assistant(item: Reader, conversation: Conversation) -> None:
    _leave_name(item, conversation)
    if item.value.get("audio"):
        conversation.leave("messages.audio", "speech of an earlier answer is known to its vendor alone")
    plain = _string(item, "reasoning_content") or _string(item, "reasoning")
    reasoning, signatures = signed.read(item.value.get("reasoning_details"), plain)
    parts: list[Part] = [*reasoning, *_said(item, has_reasoning=bool(reasoning))]
    parts += _pictures(item)
    parts += (_call(call, signatures) for call in item.objects("tool_calls"))
    if item.value.get("function_call"):
        parts.append(_function_called(item.object("function_call")))
    conversation.messages.append(Message(Role.ASSISTANT, tuple(parts)))


def _said(item: Reader, *, has_reasoning: bool) -> Iterable[Part]:
    signature = signed.signature_in(item.value.get("extra_content"))
    for each in content(item):
        if isinstance(each, Text) and signature is not None:
            yield Text(each.text, signature, each.cache)
            signature = None
        elif not (isinstance(each, Reasoning) and has_reasoning):
            yield each
    if refusal := item.text("refusal"):
        yield Refusal(refusal)


def _pictures(item: Reader) -> Iterable[Media]:
    """Those of an earlier answer, as OpenRouter shows them and its clients repeat them."""
    return (found for picture in item.objects("images") if isinstance(found := part(picture), Media))


def _call(item: Reader, signatures: Mapping[str, Signature]) -> ToolCall:
    call_id = item.text("id") or ""
    signature = signed.signature_in(item.value.get("extra_content")) or signatures.get(call_id)
    if item.value.get("type") == "custom":
        custom = item.object("custom")
        text = custom.text("input") or ""
        return ToolCall(call_id, custom.required_text("name"), text, ToolKind.FREEFORM, signature=signature)
    function = item.object("function")
    return ToolCall(call_id, function.required_text("name"), _arguments(function), signature=signature)


def _function_called(function: Reader) -> ToolCall:
    return ToolCall("", function.required_text("name"), _arguments(function))


def _arguments(function: Reader) -> str:
    found = function.value.get("arguments")
    return orjson.dumps(found).decode() if isinstance(found, dict) else function.text("arguments") or ""


def _string(item: Reader, name: str) -> str:
    """Of a member that clients only repeat, so that another type is nobody's mistake."""
    found = item.value.get(name)
    return found if isinstance(found, str) else ""


_ROLES: Mapping[str, Callable[[Reader, Conversation], None]] = {
    "system": _system,
    "developer": _system,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
    "function": _function,
}


def check_roles(items: Iterable[Reader]) -> None:
    """Raises InvalidRequest, naming the first message that is nobody's."""
    for item in items:
        item.required_text("role")
        item.one_of("role", _ROLES)
