"""What a client reads in a stream, in each dialect, and every breach of its grammar.

Job: `read(dialect, raw)`. Law: an illegal stream raises AssertionError. It reads as the vendor's own client libraries
do and shares no code with what it judges.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Seen:
    """What a client has in the end. `finish` is the dialect's own word, empty while the stream is not finished."""

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    """Id, name, arguments."""
    finish: str = ""
    usage: Json = field(default_factory=dict)
    error: str = ""
    proofs: list[str] = field(default_factory=list)

    def arguments(self) -> list[Any]:
        return [json.loads(arguments) for _, _, arguments in self.calls]

    def names(self) -> list[str]:
        return [name for _, name, _ in self.calls]


def read(dialect: str, raw: bytes) -> Seen:
    seen = _READERS[dialect](raw.decode())
    ids = [name for name, _, _ in seen.calls]
    assert all(ids) and len(set(ids)) == len(ids), f"ids of calls: {ids}"
    assert not (seen.finish and seen.error), "finished and failed"
    return seen


def frames(text: str) -> list[tuple[str, str]]:
    """The event's name and its data. Google's servers end lines with both characters."""
    text = text.replace("\r\n", "\n")
    assert text == "" or text.endswith("\n\n"), "the last event is not ended"
    found = []
    for frame in text.split("\n\n")[:-1]:
        lines = frame.split("\n")
        name = lines.pop(0).removeprefix("event: ") if lines[0].startswith("event: ") else ""
        assert len(lines) == 1 and lines[0].startswith("data: "), f"not one event: {frame!r}"
        found.append((name, lines[0][6:]))
    return found


# -- Chat Completions -------------------------------------------------------------------------------------------------


def _read_openai(text: str) -> Seen:
    seen, found = Seen(), frames(text)
    is_done = bool(found) and found[-1][1] == "[DONE]"
    for number, (name, data) in enumerate(found[:-1] if is_done else found):
        assert not name and data != "[DONE]"
        chunk = json.loads(data)
        if "error" in chunk:
            assert chunk["error"]["message"] and chunk["error"]["type"] and number == len(found) - 1
            seen.error = chunk["error"]["message"]
            continue
        assert chunk["object"] == "chat.completion.chunk" and chunk["id"] and isinstance(chunk["created"], int)
        _read_chunk(chunk, seen, is_first=number == 0)
    assert is_done == bool(seen.finish), "[DONE] and a finish come together"
    return seen


def _read_chunk(chunk: Json, seen: Seen, *, is_first: bool) -> None:
    if chunk.get("usage"):
        assert not seen.usage, "usage twice"
        seen.usage = chunk["usage"]
    for choice in chunk["choices"]:
        delta = choice["delta"]
        assert choice["index"] == 0 and not seen.finish, "more after the finish"
        assert ("role" in delta) == is_first, "the role comes first and once"
        seen.text += (delta.get("content") or "") + (delta.get("refusal") or "")
        seen.thinking += delta.get("reasoning_content") or ""
        seen.proofs += [each.get("signature") or each["data"] for each in delta.get("reasoning_details") or []]
        for fragment in delta.get("tool_calls") or []:
            _read_fragment(fragment, seen)
        seen.finish = choice["finish_reason"] or ""


def _read_fragment(fragment: Json, seen: Seen) -> None:
    index, said = fragment["index"], fragment.get("function") or fragment.get("custom") or {}
    piece = said.get("arguments") or said.get("input") or ""
    if "id" in fragment:
        assert index == len(seen.calls) and "name" in said and fragment["type"] in ("function", "custom")
        seen.calls.append((fragment["id"], said["name"], piece))
    else:
        assert index == len(seen.calls) - 1, "calls do not interleave"
        name, tool, arguments = seen.calls[index]
        seen.calls[index] = (name, tool, arguments + piece)


# -- Messages ---------------------------------------------------------------------------------------------------------


def _read_claude(text: str) -> Seen:
    seen, count, phase = Seen(), 0, "nothing"
    block: Json = {}
    for name, data in frames(text):
        event = json.loads(data)
        assert event["type"] == name and phase not in ("over", "failed"), f"{name} after the end"
        match name:
            case "message_start":
                message = event["message"]
                assert phase == "nothing" and message["content"] == [] and message["stop_reason"] is None
                assert message["role"] == "assistant" and message["id"] and message["usage"]["input_tokens"] >= 0
                phase = "begun"
            case "content_block_start":
                assert phase == "begun" and not block and event["index"] == count
                block, count = event["content_block"], count + 1
                _open_claude(block, seen)
            case "content_block_delta":
                assert block and event["index"] == count - 1
                _add_claude(block, event["delta"], seen)
            case "content_block_stop":
                assert block and event["index"] == count - 1
                block = {}
            case "message_delta":
                assert phase == "begun" and not block and event["usage"]["output_tokens"] >= 0
                seen.finish, seen.usage, phase = event["delta"]["stop_reason"], event["usage"], "ending"
            case "message_stop":
                assert phase == "ending"
                phase = "over"
            case "error":
                assert event["error"]["type"] and event["error"]["message"]
                seen.error, seen.finish, phase = event["error"]["message"], "", "failed"
            case _:
                assert name == "ping", name
    assert phase != "ending", "message_stop is missing"
    return seen


def _open_claude(block: Json, seen: Seen) -> None:
    empty = {"text": "text", "thinking": "thinking", "tool_use": "input"}
    kind = block["type"]
    assert kind == "redacted_thinking" or not block[empty[kind]], "a block opens empty"
    if kind == "tool_use":
        seen.calls.append((block["id"], block["name"], ""))
    if kind == "redacted_thinking":
        seen.proofs.append(block["data"])


def _add_claude(block: Json, delta: Json, seen: Seen) -> None:
    match block["type"], delta["type"]:
        case "text", "text_delta":
            seen.text += delta["text"]
        case "thinking", "thinking_delta":
            seen.thinking += delta["thinking"]
        case "thinking", "signature_delta":
            seen.proofs.append(delta["signature"])
        case "tool_use", "input_json_delta":
            name, tool, arguments = seen.calls[-1]
            seen.calls[-1] = (name, tool, arguments + delta["partial_json"])
        case kinds:
            raise AssertionError(f"{kinds}")


# -- generateContent --------------------------------------------------------------------------------------------------


def _read_gemini(text: str) -> Seen:
    seen = Seen()
    for name, data in frames(text):
        chunk = json.loads(data)
        assert not name and not seen.error, "more after the error"
        if "error" in chunk:
            assert chunk["error"]["message"] and chunk["error"]["status"] and chunk["error"]["code"] >= 400
            seen.error, seen.finish = chunk["error"]["message"], ""
            continue
        seen.usage = chunk.get("usageMetadata") or seen.usage
        for candidate in chunk.get("candidates", []):
            parts = candidate.get("content", {}).get("parts", [])
            assert not seen.finish, "more after the finish"
            for part in parts:
                _read_part(part, seen)
            seen.finish = candidate.get("finishReason", "")
    return seen


def _read_part(part: Json, seen: Seen) -> None:
    if "thoughtSignature" in part:
        seen.proofs.append(part["thoughtSignature"])
    if "functionCall" in part:
        call = part["functionCall"]
        assert isinstance(call["args"], dict) and set(call) <= {"id", "name", "args"}
        seen.calls.append((call["id"], call["name"], json.dumps(call["args"])))
    elif part.get("thought"):
        seen.thinking += part.get("text", "")
    elif set(part) != {"thoughtSignature"} and "inlineData" not in part and "fileData" not in part:
        seen.text += part["text"]


# -- Responses --------------------------------------------------------------------------------------------------------


class _Items:
    """The items of one response, each of which is added, told in deltas and done."""

    def __init__(self) -> None:
        self.done: list[Json] = []
        self.open: Json | None = None
        self.told: dict[tuple[str, int], str] = {}
        self.parts_open: set[tuple[str, int]] = set()

    def add(self, event: Json) -> None:
        assert self.open is None and event["output_index"] == len(self.done)
        self.open, self.told = event["item"], {}
        assert not any(self.open.get(name) for name in ("content", "summary", "arguments", "input")), "it opens empty"

    def finish(self, event: Json) -> None:
        item = event["item"]
        assert self.open is not None and event["output_index"] == len(self.done) and not self.parts_open
        assert (item["type"], item["id"]) == (self.open["type"], self.open["id"])
        for number, part in enumerate([*item.get("content", []), *item.get("summary", [])]):
            whole = part.get("text", part.get("refusal"))
            assert self.told.get(("part", number)) == whole, "deltas and item differ"
        if "arguments" in item or "input" in item:
            whole = item["arguments"] if "arguments" in item else item["input"]
            assert self.told.get(("call", 0), "") == whole, "deltas and item differ"
        self.done.append(item)
        self.open = None

    def tell(self, event: Json) -> None:
        kind = event["type"].removeprefix("response.")
        assert self.open is not None and event["item_id"] == self.open["id"]
        assert event["output_index"] == len(self.done)
        place = ("part", int(event.get("content_index") or event.get("summary_index") or 0))
        if kind.startswith(("function_call", "custom_tool_call")):
            place = ("call", 0)
        elif kind.endswith("part.added"):
            assert place not in self.told
            self.parts_open.add(place)
            self.told[place] = ""
            return
        else:
            assert place in self.parts_open, f"{kind} without a part"
        if kind.endswith("part.done"):
            self.parts_open.remove(place)
        elif kind.endswith(".delta"):
            self.told[place] = self.told.get(place, "") + event["delta"]
        else:
            whole = next(event[name] for name in ("text", "refusal", "arguments", "input") if name in event)
            assert self.told.get(place, "") == whole, "deltas and done differ"


_ENDS = {"response.completed": "completed", "response.incomplete": "incomplete"}


def _read_responses(text: str) -> Seen:
    seen, items, is_over = Seen(), _Items(), False
    for number, (name, data) in enumerate(frames(text)):
        event = json.loads(data)
        assert event["type"] == name and event["sequence_number"] == number and not is_over, f"{name} after the end"
        assert (name == "response.created") == (number == 0) or name in ("response.failed", "error")
        if name in _ENDS:
            response, is_over = event["response"], True
            assert response["status"] == _ENDS[name] and response["output"] == items.done and items.open is None
            details = response["incomplete_details"] or {}
            seen.finish, seen.usage = details.get("reason", "completed"), response["usage"] or {}
        elif name in ("response.failed", "error"):
            error = event["response"]["error"] if name == "response.failed" else event.get("error") or event
            seen.error, is_over = error["message"], True
        elif name == "response.output_item.added":
            items.add(event)
        elif name == "response.output_item.done":
            items.finish(event)
        elif name not in ("response.created", "response.in_progress") and "image_generation_call" not in name:
            items.tell(event)
    for item in items.done:
        _read_item(item, seen)
    return seen


def _read_item(item: Json, seen: Seen) -> None:
    match item["type"]:
        case "message":
            seen.text += "".join(part.get("text", part.get("refusal")) for part in item["content"])
        case "reasoning":
            seen.thinking += "".join(part["text"] for part in item["summary"])
            seen.proofs += [item["encrypted_content"]] if item.get("encrypted_content") else []
        case "function_call":
            seen.calls.append((item["call_id"], item["name"], item["arguments"]))
        case "custom_tool_call":
            seen.calls.append((item["call_id"], item["name"], json.dumps(item["input"])))


# -- Ollama -----------------------------------------------------------------------------------------------------------


def _read_ollama(text: str) -> Seen:
    seen = Seen()
    for line in text.split("\n")[:-1]:
        chunk = json.loads(line)
        assert not seen.finish and not seen.error, "more after the end"
        if "error" in chunk:
            seen.error = chunk["error"]
            continue
        message = chunk["message"]
        seen.text += message["content"]
        seen.thinking += message.get("thinking", "")
        for call in message.get("tool_calls", []):
            arguments = json.dumps(call["function"]["arguments"])
            seen.calls.append((call.get("id") or str(len(seen.calls)), call["function"]["name"], arguments))
        if chunk["done"]:
            seen.finish, seen.usage = chunk["done_reason"], {"eval_count": chunk["eval_count"]}
    return seen


_READERS: Mapping[str, Callable[[str], Seen]] = {
    "openai": _read_openai,
    "claude": _read_claude,
    "gemini": _read_gemini,
    "responses": _read_responses,
    "ollama": _read_ollama,
}
