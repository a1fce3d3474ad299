"""A chat stream, event by event. Only the first choice is read; choices of `n` are never glued together."""

import itertools
from typing import Any

import msgspec

from translator.dialects.openai import signed
from translator.dialects.openai.answers import pictures, spoken, transcript
from translator.dialects.openai.calls_in import Calls, of_function
from translator.dialects.openai.chunks import DONE, Choice, Chunk, Fragment, decode_chunk, facts_of, is_complaint
from translator.dialects.openai.chunks import Delta as Said
from translator.dialects.openai.errors import complaint
from translator.dialects.openai.finishes import read_finish
from translator.dialects.openai.thoughts import Thoughts
from translator.dialects.openai.usage import latest
from translator.dialects.openai.vocabulary import PARAGRAPH
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.losses import UpstreamComplaint
from translator.messages import Finish, Reasoning, Refusal, Signature, Text
from translator.relay import CUT
from translator.usage import Usage

_Kind = type[Text] | type[Reasoning] | type[Refusal]


class StreamDecoder:
    """The end is held back until the end mark, since vendors send usage after the finish reason."""

    __slots__ = (
        "_block",
        "_blocks",
        "_calls",
        "_finish",
        "_has_begun",
        "_has_thought",
        "_is_over",
        "_is_plain",
        "_kind",
        "_signature",
        "_thoughts",
        "_usage",
    )

    def __init__(self) -> None:
        self._blocks = itertools.count()
        self._calls = Calls(self._blocks)
        self._thoughts: Thoughts | None = Thoughts()
        """Until the text is known to be text."""
        self._kind: _Kind | None = None
        self._block = -1
        self._signature: Signature | None = None
        self._has_begun = False
        self._has_thought = False
        self._is_over = False
        self._is_plain = False
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> list[Event]:
        if self._is_over:
            return []
        if data.startswith(b"[") and data.strip() == DONE:
            return self._done()
        try:
            chunk = decode_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return []
        if is_complaint(chunk):
            raise complaint(facts_of(chunk), data)
        return self._read(chunk)

    def finish(self) -> list[Event]:
        if self._is_over:
            return []
        if self._finish is None:
            raise UpstreamComplaint(502, CUT)
        return self._end()

    # -- chunks

    def _read(self, chunk: Chunk) -> list[Event]:
        if chunk.usage:
            self._usage = latest(self._usage, chunk.usage)
        events: list[Event] = []
        for choice in chunk.choices or ():
            if not choice.index:
                if not self._has_begun:
                    events.append(self._begin(chunk))
                events += self._chosen(choice)
        return events

    def _begin(self, chunk: Chunk) -> Begin:
        self._has_begun = True
        return Begin(_string(chunk.id), _string(chunk.model))

    def _chosen(self, choice: Choice) -> list[Event]:
        if choice.usage:
            self._usage = latest(self._usage, choice.usage)
        events = self._said(choice.delta) if choice.delta is not None else []
        if choice.finish_reason is not None and self._finish is None:
            self._finish = read_finish(choice.finish_reason)
        return events

    def _said(self, said: Said) -> list[Event]:
        events = self._thought(said)
        if said.content:
            events += self._content(said.content)
        if said.refusal:
            events += self._say(Refusal, said.refusal)
        if said.extra_content and self._kind is Text:
            self._signature = signed.signature_in(said.extra_content) or self._signature
        if said.images:
            events += self._pictures(said.images)
        if said.audio:
            events += self._say(Text, transcript(said.audio))
        for fragment in said.tool_calls or ():
            events += self._called(fragment)
        if said.function_call is not None:
            events += self._called(of_function(said.function_call))
        return events

    # -- blocks of text

    def _thought(self, said: Said) -> list[Event]:
        events: list[Event] = []
        if plain := said.reasoning_content or said.reasoning:
            self._is_plain = True
            events = [*self._told_apart(), *self._say(Reasoning, plain)]
        if not said.reasoning_details:
            return events
        events += self._told_apart()
        for detail in signed.details(said.reasoning_details):
            events += self._detailed(detail)
        return events

    def _detailed(self, detail: signed.Detail) -> list[Event]:
        """A detail repeats what is said in plain members, where there are such."""
        events = [] if self._is_plain else self._say(Reasoning, detail.text)
        if detail.call_id and detail.signature:
            self._calls.sign(detail.call_id, detail.signature)
        elif detail.signature:
            events += self._signed(detail.signature, is_redacted=detail.is_redacted)
        return events

    def _told_apart(self) -> list[Event]:
        """Thoughts come in a member of their own, so that the text is text from its first letter."""
        if self._thoughts is None or not self._thoughts.are_undecided:
            return []
        _, held = self._thoughts.finish()
        self._thoughts = None
        return self._say(Text, held)

    def _signed(self, signature: Signature, *, is_redacted: bool) -> list[Event]:
        """The end of the reasoning that is being said, or reasoning of which only the signature is seen."""
        if self._kind is Reasoning and not is_redacted:
            self._signature = signature
            return self._close()
        block = next(self._blocks)
        part = Reasoning("", signature if is_redacted else None, is_redacted)
        return [*self._close(), *self._calls.close_whole(), Open(block, part), Close(block, signature)]

    def _content(self, content: Any) -> list[Event]:
        if not isinstance(content, str):
            thought, text = spoken(content, may_think=False)
            return self._say(Reasoning, thought) + self._say(Text, text)
        thoughts = self._thoughts
        if thoughts is None:
            return self._say(Text, content)
        thought, text = thoughts.feed(content)
        if thoughts.are_over:
            self._thoughts = None
        return self._say(Reasoning, thought) + self._say(Text, text)

    def _say(self, kind: _Kind, text: Any) -> list[Event]:
        if not text or not isinstance(text, str):
            return []
        if self._kind is kind:
            return [Delta(self._block, text)]
        if kind is Reasoning and self._has_thought:
            text = text.removeprefix(PARAGRAPH)
        events = [*self._close(), *self._calls.close_whole()]
        self._kind, self._block = kind, next(self._blocks)
        self._has_thought = self._has_thought or kind is Reasoning
        return [*events, Open(self._block, kind("")), Delta(self._block, text)]

    def _close(self) -> list[Event]:
        if self._kind is None:
            return []
        signature = self._signature if self._kind is not Refusal else None
        self._kind, self._signature = None, None
        return [Close(self._block, signature)]

    # -- calls, pictures, the end

    def _called(self, fragment: Fragment) -> list[Event]:
        call = self._calls.match(fragment)
        events: list[Event] = []
        if call is None:
            events = [*self._close(), *self._calls.close_whole()]
            call = self._calls.begin(fragment)
        return events + self._calls.add(call, fragment)

    def _pictures(self, images: Any) -> list[Event]:
        events: list[Event] = []
        for picture in pictures(images):
            block = next(self._blocks)
            events += [*self._close(), *self._calls.close_whole(), Open(block, picture), Close(block)]
        return events

    def _done(self) -> list[Event]:
        """An end mark is the end, with a finish reason before it or without. After nothing it ends nothing."""
        if not self._has_begun:
            raise UpstreamComplaint(502, "the upstream ended the stream without an answer")
        return self._end()

    def _end(self) -> list[Event]:
        self._is_over = True
        thought, text = self._thoughts.finish() if self._thoughts is not None else ("", "")
        said = self._say(Reasoning, thought) + self._say(Text, text)
        closed = [*self._close(), *self._calls.close_all()]
        return [*said, *closed, End(self._finish or Finish.STOP, self._usage)]


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
