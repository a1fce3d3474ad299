"""The words of the Responses API (platform.openai.com/docs/api-reference/responses), where we have words of our own."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from msgspec.structs import replace

from translator import signatures
from translator.families import family_of
from translator.messages import Effort, Finish, Reasoning, Signature, ToolCall, ToolKind

MAKER = "openai"
"""Whose signatures stand in `encrypted_content` as they are; those of others stand there under our tag."""

LOCAL_SHELL = "local_shell"
WEB_SEARCH = "web_search"

CALLS: Mapping[str, ToolKind] = {
    "function_call": ToolKind.FUNCTION,
    "custom_tool_call": ToolKind.FREEFORM,
    "local_shell_call": ToolKind.LOCAL_SHELL,
}
EFFORTS: Mapping[str, Effort | None] = {"none": None, **{effort.value: effort for effort in Effort}}
INCOMPLETE: Mapping[str, Finish] = {"max_output_tokens": Finish.LENGTH, "content_filter": Finish.FILTER}
REASONS: Mapping[Finish, str] = {finish: reason for reason, finish in INCOMPLETE.items()}

_REDACTED = "-redacted"
_BETWEEN_PARTS = "\n\n"


def arguments_of(action: Any) -> str:
    """The JSON text of a local shell's action, without the members that say nothing."""
    facts = action if isinstance(action, dict) else {}
    told = {name: value for name, value in facts.items() if name != "type" and value not in (None, {})}
    return orjson.dumps(told).decode()


def action_of(arguments: str) -> dict[str, Any]:
    """The way back. A command that is one string is given to a shell."""
    facts = read_object(arguments) or {}
    command = facts.get("command", [])
    words = [str(word) for word in command] if isinstance(command, list) else ["bash", "-lc", str(command)]
    env = facts.get("env")
    variables = {str(name): str(value) for name, value in env.items()} if isinstance(env, dict) else {}
    more = {name: facts[name] for name in ("timeout_ms", "user", "working_directory") if facts.get(name) is not None}
    return {"type": "exec", "command": words, "env": variables, **more}


def read_object(text: str) -> dict[str, Any] | None:
    """The object that JSON text holds; None where it holds none."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def joined(texts: Iterable[str]) -> str:
    """The parts of one reasoning item as one text."""
    return _BETWEEN_PARTS.join(filter(None, texts))


def maker_of(model: str) -> str:
    """Whose signatures an answer of this model bears: servers of others than OpenAI speak this dialect too."""
    return family_of(model, "responses").maker


def reasoning_of(text: str, encrypted: Any, maker: str = MAKER) -> Reasoning | None:
    """None where there is neither text nor signature: models that were not asked for a summary send such items."""
    proof = encrypted if isinstance(encrypted, str) and encrypted else None
    if proof is None:
        return Reasoning(text) if text else None
    signature = signatures.untagged(proof, maker)
    if not signature.maker.endswith(_REDACTED):
        return Reasoning(text, signature)
    return Reasoning(text, Signature(signature.maker.removesuffix(_REDACTED), signature.value), is_redacted=True)


def encrypted_of(reasoning: Reasoning) -> str | None:
    """What stands in `encrypted_content`. A redaction is marked in the tag, since no other member could tell it."""
    signature = reasoning.signature
    if signature is None:
        return None
    if reasoning.is_redacted and signature.maker != MAKER:
        signature = Signature(signature.maker + _REDACTED, signature.value)
    return signatures.tagged(signature, MAKER)


def texts_of(item: Mapping[str, Any]) -> str:
    """A reasoning item's text: its summary, or where there is none what a server tells in full."""
    return joined(_texts(item.get("summary"))) or joined(_texts(item.get("content")))


def _texts(parts: Any) -> list[str]:
    found = parts if isinstance(parts, list) else []
    texts = [part.get("text") for part in found if isinstance(part, dict)]
    return list(map(text, texts))


def call_of(item: Mapping[str, Any]) -> ToolCall:
    """An answer's item of one of the types in `CALLS`."""
    kind = CALLS[item["type"]]
    return ToolCall(
        id=text(item.get("call_id")) or text(item.get("id")),
        name=LOCAL_SHELL if kind is ToolKind.LOCAL_SHELL else text(item.get("name")),
        arguments=_ARGUMENTS[kind](item),
        kind=kind,
        namespace=text(item.get("namespace")),
    )


def without_arguments(call: ToolCall) -> ToolCall:
    return replace(call, arguments="")


def text(value: Any) -> str:
    """What a stranger wrote, if it is text."""
    return value if isinstance(value, str) else ""


def _function_arguments(item: Mapping[str, Any]) -> str:
    found = item.get("arguments")
    return orjson.dumps(found).decode() if isinstance(found, dict) else text(found)


def _input(item: Mapping[str, Any]) -> str:
    return text(item.get("input"))


def _action(item: Mapping[str, Any]) -> str:
    return arguments_of(item.get("action")) if item.get("action") else ""


_ARGUMENTS: Mapping[ToolKind, Callable[[Mapping[str, Any]], str]] = {
    ToolKind.FUNCTION: _function_arguments,
    ToolKind.FREEFORM: _input,
    ToolKind.LOCAL_SHELL: _action,
}
