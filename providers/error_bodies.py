"""An error as a vendor wrote it, in whichever shape: its sentence, its codes, and the status it names. Pure.

Shapes: `{"error": {"message", "type", "code"}}` (OpenAI, Anthropic, Google), a list of one such, `{"message"}`,
`{"detail"}`, `{"code", "msg"}`, `{"status", "msg"}` (iFlow), `{"base_resp": {"status_code", "status_msg"}}` (MiniMax),
`{"statusCodeValue", "body"}` (Qoder), an error within an error's text, HTML, or plain text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from providers import error_texts
from providers.durations import bounded, seconds_until

UNEXPLAINED = "it gave no reason"
_LONGEST_SENTENCE = 500
_LONGEST_TEXT = 1000
_DEEPEST = 8
_MOST_MEMBERS = 200
_SENTENCES = ("error", "message", "detail", "msg", "Message", "errors", "error_message", "base_resp", "status_msg")
_CODES = frozenset({"code", "type", "status", "reason", "quotaId", "error_code", "error_type", "__type", "errorCode"})
_STATUSES = ("status_code", "statusCode", "statusCodeValue", "http_status", "status", "code")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    sentence: str
    """For people, on one line."""
    text: str
    """The sentence and the codes after it, by which to classify."""
    status: int | None
    """The one it names, in numbers or in a vendor's code."""
    wait: float | None
    """Seconds until the vendor wants to hear from us again."""


def read(body: bytes, now: datetime) -> ErrorBody:
    return understand(_parsed(body), now)


def understand(said: object, now: datetime) -> ErrorBody:
    """The error in a body that is parsed already: of JSON, or a text."""
    sentence = _one_line(_sentence(said), _LONGEST_SENTENCE) or UNEXPLAINED
    members = list(_members(said))
    codes = " ".join(str(value) for name, value in members if name in _CODES and isinstance(value, str | int))
    text = f"{_one_line(_sentence(said), _LONGEST_TEXT) or UNEXPLAINED} {codes[:_LONGEST_TEXT]}".strip()
    return ErrorBody(sentence, text, _status(said, members), _wait(members, text, now))


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _without_tags(body[:4000].decode("utf-8", "replace"))


def _without_tags(text: str) -> str:
    return re.sub(r"(?is)<(script|style)\b.*?(</\1>|\Z)|<[^>]*>", " ", text)


def _one_line(text: str, longest: int) -> str:
    return " ".join(text.split())[:longest]


# -- the sentence -----------------------------------------------------------------------------------------------------


def _sentence(said: object, depth: int = 0) -> str:
    if depth > _DEEPEST:
        return ""
    if isinstance(said, list):
        return _sentence(said[0], depth + 1) if said else ""
    if not isinstance(said, dict):
        return _unwrapped(str(said), depth) if said is not None else ""
    found = next((said[name] for name in _SENTENCES if said.get(name) and said[name] is not True), None)
    sentence = orjson.dumps(said).decode() if found is None else _sentence(found, depth + 1)
    return f"{sentence}: {more}" if (more := _further(said, depth)) else sentence


def _further(said: Mapping[str, object], depth: int) -> str:
    """What the vendor behind a router said: OpenRouter's own sentence is "Provider returned error"."""
    metadata = said.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return _sentence(raw, depth + 1) if raw else ""


def _unwrapped(text: str, depth: int) -> str:
    """The sentence in a text that is an error's JSON itself."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return _sentence(orjson.loads(text), depth + 1)
    except orjson.JSONDecodeError:
        return text


# -- the members ------------------------------------------------------------------------------------------------------


def _members(said: object) -> Iterator[tuple[str, object]]:
    """Names and values, near ones first; what is nested deep, or one of very many, is no code of an error."""
    level, left = [said], _MOST_MEMBERS
    for _ in range(_DEEPEST):
        deeper: list[object] = []
        for each in level:
            pairs = each.items() if isinstance(each, dict) else ()
            yield from list(pairs)[:left]
            left -= min(left, len(pairs))
            deeper += [*each.values()] if isinstance(each, dict) else each if isinstance(each, list) else _opened(each)
        level = deeper[:_MOST_MEMBERS]


def _opened(value: object) -> list[object]:
    """A text that holds an error's JSON, such as Qoder's `body`."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return []
    try:
        return [orjson.loads(value)]
    except orjson.JSONDecodeError:
        return []


def _status(said: object, members: list[tuple[str, object]]) -> int | None:
    minimax = said.get("base_resp") if isinstance(said, dict) else None
    if isinstance(minimax, dict):
        return error_texts.MINIMAX_CODES.get(str(minimax.get("status_code")))
    if isinstance(said, dict) and "msg" in said and str(said.get("status")) in error_texts.IFLOW_CODES:
        return error_texts.IFLOW_CODES[str(said["status"])]
    named = {name: str(value) for name, value in reversed(members) if isinstance(value, str | int)}
    numbers = (_as_status(named.get(name, "")) for name in _STATUSES)
    codes = (named.get("code", ""), named.get("__type", ""), named.get("type", ""))
    meanings = (error_texts.ZAI_CODES.get(code) or error_texts.WORDS.get(code.rpartition("#")[2]) for code in codes)
    return next((found for found in (*numbers, *meanings) if found), None)


def _as_status(text: str) -> int | None:
    return int(text) if len(text) == 3 and text.isascii() and text.isdecimal() and 400 <= int(text) <= 599 else None


# -- the wait ---------------------------------------------------------------------------------------------------------


def _wait(members: list[tuple[str, object]], text: str, now: datetime) -> float | None:
    for name, value in members:
        unit = error_texts.WAIT_MEMBERS.get(name)
        if unit and isinstance(value, str | int | float) and (seconds := seconds_until(str(value), now)) is not None:
            return bounded(seconds * unit)
    return wait_in(text, now)


def wait_in(text: str, now: datetime) -> float | None:
    """What a sentence says of when to come back."""
    found = next((match for pattern in error_texts.WAITS if (match := pattern.search(text))), None)
    if found is None:
        return None
    parts = found.groupdict()
    return seconds_until(parts.get("length") or _moment(parts), now)


def _moment(parts: Mapping[str, str | None]) -> str:
    zone = parts["zone"] or "+00:00"
    return f"{parts['date']}T{parts['time']}{'+00:00' if zone.isalpha() else zone}"
