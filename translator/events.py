"""A model's answer as it comes: five events, and the answer they add up to.

Grammar: `Begin (Open Delta* Close)* End`, where blocks are known by their index and may overlap until `restoring` puts
them in order. An error is no event but an UpstreamComplaint. Media arrives whole with its `Open`.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from translator.messages import Answer, Finish, Part, Reasoning, Refusal, Signature, Text, ToolCall
from translator.usage import Usage


class Begin(Struct, frozen=True):
    """`usage` is what the vendor counted before it began to answer."""

    id: str
    model: str
    usage: Usage | None = None


class Open(Struct, frozen=True):
    """A block begins. Its `part` has all that is known by now, and neither text nor arguments yet."""

    index: int
    part: Part


class Delta(Struct, frozen=True):
    """More of a block: text, reasoning, or a piece of a tool call's arguments."""

    index: int
    text: str


class Close(Struct, frozen=True):
    index: int
    signature: Signature | None = None


class End(Struct, frozen=True):
    finish: Finish
    usage: Usage | None = None
    stop_sequence: str | None = None


Event: TypeAlias = Begin | Open | Delta | Close | End


def fold(events: Iterable[Event]) -> Answer:
    """The answer that finished events add up to; blocks in the order in which they opened."""
    answer = Answer("", "", (), Finish.STOP)
    parts: dict[int, Part] = {}
    texts: dict[int, list[str]] = {}
    for event in events:
        match event:
            case Begin(id, model, usage):
                answer = replace(answer, id=id, model=model, usage=usage)
            case Open(index, part):
                parts[index], texts[index] = part, []
            case Delta(index, text):
                texts[index].append(text)
            case Close(index, signature):
                parts[index] = _closed(parts[index], "".join(texts[index]), signature)
            case End(finish, usage, stop_sequence):
                counted = usage or answer.usage or usage  # Zeros, where nothing else was counted.
                answer = replace(answer, finish=finish, usage=counted, stop_sequence=stop_sequence)
    return replace(answer, parts=tuple(parts.values()))


def _closed(part: Part, text: str, signature: Signature | None) -> Part:
    match part:
        case ToolCall():
            return replace(part, arguments=part.arguments + text, signature=signature or part.signature)
        case Text() | Reasoning():
            return replace(part, text=part.text + text, signature=signature or part.signature)
        case Refusal():
            return Refusal(part.text + text)
        case _:
            return part


def unfold(answer: Answer) -> Iterator[Event]:
    """The events of an answer that came whole."""
    yield Begin(answer.id, answer.model, answer.usage)
    for index, part in enumerate(answer.parts):
        opened, text, signature = _opened(part)
        yield Open(index, opened)
        if text:
            yield Delta(index, text)
        yield Close(index, signature)
    yield End(answer.finish, answer.usage, answer.stop_sequence)


def _opened(part: Part) -> tuple[Part, str, Signature | None]:
    """The part as a stream would open it, what is left to say, and the signature that closes it."""
    match part:
        case ToolCall():
            return replace(part, arguments=""), part.arguments, None
        case Text():
            return replace(part, text="", signature=None), part.text, part.signature
        case Reasoning(is_redacted=False):
            return replace(part, text="", signature=None), part.text, part.signature
        case Refusal():
            return Refusal(""), part.text, None
        case _:
            return part, "", None
