"""How clients repeat what a model said: whole, with all that came, or only what every chat has a place for.

Job: `whole_echo`, `plain_echo`, `results_of`, `going_on`. Law: nothing is taken from anywhere but the answer itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from json import dumps

from tests.sdks import Used
from tests.wire import Json

TURNS: Mapping[str, str] = {"openai": "messages", "claude": "messages", "gemini": "contents", "responses": "input"}
"""The member of a request that holds the conversation."""


def whole_echo(client: str, answer: Json) -> list[Json]:
    """The model's turn as a careful client repeats it."""
    match client:
        case "openai":
            return [answer["choices"][0]["message"]]
        case "claude":
            return [{"role": "assistant", "content": answer["content"]}]
        case "gemini":
            return [answer["candidates"][0]["content"]]
    return list(answer["output"])


def plain_echo(client: str, text: str, calls: Sequence[Used]) -> list[Json]:
    """The model's turn as a client repeats it that keeps text and calls alone."""
    match client:
        case "openai":
            functions = [(call.id, {"name": call.name, "arguments": dumps(call.arguments)}) for call in calls]
            made = [{"id": call_id, "type": "function", "function": made} for call_id, made in functions]
            return [{"role": "assistant", "content": text or None} | ({"tool_calls": made} if made else {})]
        case "claude":
            blocks: list[Json] = [{"type": "text", "text": text}] if text else []
            uses = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in calls]
            return [{"role": "assistant", "content": blocks + uses}]
        case "gemini":
            parts: list[Json] = [{"text": text}] if text else []
            known = [{"id": call.id} if call.id else {} for call in calls]
            used = [{"name": call.name, "args": call.arguments} for call in calls]
            both = [{"functionCall": id_of | call} for id_of, call in zip(known, used, strict=True)]
            return [{"role": "model", "parts": parts + both}]
    said: list[Json] = [{"role": "assistant", "content": text}] if text else []
    items = [{"call_id": call.id, "name": call.name, "arguments": dumps(call.arguments)} for call in calls]
    return said + [{"type": "function_call", **item} for item in items]


def results_of(client: str, calls: Iterable[Used], text: str = "4 degrees") -> list[Json]:
    """The turn that answers the calls; with none, the user says the text."""
    done = list(calls)
    if not done:
        return [said(client, text)]
    match client:
        case "openai":
            return [{"role": "tool", "tool_call_id": call.id, "content": text} for call in done]
        case "claude":
            blocks = [{"type": "tool_result", "tool_use_id": call.id, "content": text} for call in done]
            return [{"role": "user", "content": blocks}]
        case "gemini":
            given = [{"functionResponse": {"name": call.name, "response": {"output": text}}} for call in done]
            return [{"role": "user", "parts": given}]
    return [{"type": "function_call_output", "call_id": call.id, "output": text} for call in done]


def said(client: str, text: str) -> Json:
    return {"role": "user", "parts": [{"text": text}]} if client == "gemini" else {"role": "user", "content": text}


def going_on(client: str, body: Json, *turns: Json) -> Json:
    """The body with more turns at its end."""
    before = body[TURNS[client]]
    return body | {TURNS[client]: [*([said(client, before)] if isinstance(before, str) else before), *turns]}
