"""A conversation put in the order that strict vendors want, whatever order the client sent it in.

Law: turns alternate; the results of an assistant's calls open the user's next turn, one for each call and in the order
of the calls; ids are unique and legal; no part is empty. A result without a call becomes text, a call without a result
gets one that says so, and of two results of one call the first counts.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import TypeAlias

from msgspec.structs import replace

from translator.messages import Media, Message, Part, Reasoning, Refusal, Request, Role, Text, ToolCall, ToolResult

NO_RESULT = "No result was given for this call."
_LETTERS_AND_DIGITS = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class IdRule:
    """What a vendor takes as the id of a tool call: characters not in `illegal`, at most `longest` of them."""

    illegal: re.Pattern[str] = re.compile(r"[^a-zA-Z0-9_-]")
    longest: int = 64


@dataclass(slots=True, eq=False)
class _Call:
    """A call on its way: what answers it, and the id it will have."""

    call: ToolCall
    result: ToolResult | None = None


@dataclass(slots=True, eq=False)
class _Turn:
    role: Role
    parts: list[Part | _Call] = field(default_factory=list)

    def calls(self) -> list[_Call]:
        return [part for part in self.parts if isinstance(part, _Call)]


def with_system_first(request: Request) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    """System texts and the other messages, for dialects whose system prompt stands before the conversation.

    Where nothing but system text was said, it becomes the user's, since a conversation cannot be empty.
    """
    within = [message for message in request.messages if message.role is Role.SYSTEM]
    texts = [part for message in within for part in message.parts if isinstance(part, Text)]
    system = tuple(text for text in (*request.system, *texts) if text.text)
    spoken = tuple(message for message in request.messages if message.role is not Role.SYSTEM)
    if any(message.parts for message in spoken):
        return system, spoken
    return (), (Message(Role.USER, system),) if system else ()


def in_order(messages: Iterable[Message], rule: IdRule) -> tuple[Message, ...]:
    """The conversation as the law above says."""
    turns = _sorted_out(messages)
    ids = _ids(turns, rule)
    ordered: list[Message] = []
    for turn in turns:
        calls = turn.calls()
        parts = tuple(replace(part.call, id=ids[part]) if isinstance(part, _Call) else part for part in turn.parts)
        _add(ordered, Message(turn.role, parts))
        if calls:
            _add(ordered, Message(Role.USER, tuple(_result_of(call, ids[call]) for call in calls)))
    return tuple(ordered)


def _add(ordered: list[Message], message: Message) -> None:
    if not message.parts:
        return
    if ordered and ordered[-1].role is message.role:
        ordered[-1] = Message(message.role, ordered[-1].parts + message.parts)
    else:
        ordered.append(message)


def _sorted_out(messages: Iterable[Message]) -> list[_Turn]:
    """Turns without results; each result is with its call, or text where it has none."""
    turns: list[_Turn] = []
    waiting = _Waiting()
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolResult):
                _answer(part, turns, waiting)
            elif not _is_empty(part):
                turn = _turn_for(message.role, turns)
                turn.parts.append(waiting.add(part, turn) if isinstance(part, ToolCall) else part)
    return turns


def _turn_for(role: Role, turns: list[_Turn]) -> _Turn:
    if not turns or turns[-1].role is not role:
        turns.append(_Turn(role))
    return turns[-1]


def _is_empty(part: Part) -> bool:
    match part:
        case Text(text, signature):
            return not text and signature is None
        case Reasoning(text, signature, is_redacted):
            return not text and signature is None and not is_redacted
        case Refusal(text):
            return not text
        case _:
            return False


_Key: TypeAlias = tuple[str, str]


class _Waiting:
    """Calls without a result yet, by all that a result may say of its call.

    Those of the latest turn come first, within a turn in their order. No look-up goes through the history, which may
    have thousands of calls.
    """

    def __init__(self) -> None:
        self._turns: dict[_Key, list[tuple[_Turn, deque[_Call]]]] = {}

    def add(self, part: ToolCall, turn: _Turn) -> _Call:
        call = _Call(part)
        by_id: list[_Key] = [("id", part.id), ("plain", _plain(part.id))] if part.id else []
        for key in (*by_id, ("name", part.name), ("any", "")):
            turns = self._turns.setdefault(key, [])
            if not turns or turns[-1][0] is not turn:
                turns.append((turn, deque()))
            turns[-1][1].append(call)
        return call

    def key_for(self, result: ToolResult) -> _Key | None:
        """How the result names its call: by id, by the id without the punctuation some clients strip, or by name.

        None where no call was ever known like that.
        """
        by_id: tuple[_Key, ...] = (("id", result.call_id), ("plain", _plain(result.call_id)))
        by_name: _Key = ("name", result.name) if result.name else ("any", "")
        return next((key for key in (by_id if result.call_id else (by_name,)) if key in self._turns), None)

    def first(self, key: _Key) -> _Call | None:
        turns = self._turns[key]
        while turns:
            calls = turns[-1][1]
            while calls and calls[0].result is not None:
                calls.popleft()
            if calls:
                return calls[0]
            turns.pop()
        return None


def _plain(id: str) -> str:
    return _LETTERS_AND_DIGITS.sub("", id)


def _answer(result: ToolResult, turns: list[_Turn], waiting: _Waiting) -> None:
    key = waiting.key_for(result)
    if key is None:
        turn = _turn_for(Role.USER, turns)
        turn.parts.append(Text(f"Result of an unknown tool call{f' of {result.name}' if result.name else ''}:"))
        turn.parts.extend(part for part in result.content if not _is_empty(part))
    elif (call := waiting.first(key)) is not None:
        call.result = result
        if turns[-1].role is Role.ASSISTANT:
            turns.append(_Turn(Role.USER))


def _ids(turns: list[_Turn], rule: IdRule) -> dict[_Call, str]:
    ids: dict[_Call, str] = {}
    used: set[str] = set()
    spare = count(1)
    for number, call in enumerate(call for turn in turns for call in turn.calls()):
        wish = call.call.id or f"call_{number}"
        name = _legal(wish, rule)
        while name in used:
            name = _legal(f"{wish}-{next(spare)}", rule)
        used.add(name)
        ids[call] = name
    return ids


def _legal(name: str, rule: IdRule) -> str:
    plain = rule.illegal.sub("_", name)
    if len(plain) <= rule.longest and plain:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{plain[: rule.longest - 17]}_{digest}"


def _result_of(call: _Call, id: str) -> ToolResult:
    if call.result is None:
        return ToolResult(id, (Text(NO_RESULT),), is_error=True, name=call.call.name)
    content: tuple[Text | Media, ...] = tuple(
        part for part in call.result.content if not (isinstance(part, Text) and not part.text)
    )
    return replace(call.result, call_id=id, name=call.call.name, content=content)
