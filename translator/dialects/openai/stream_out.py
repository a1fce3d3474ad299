"""A chat stream as OpenAI writes it: a role first, deltas, a finish reason, usage if it was asked for, `[DONE]`."""

import orjson

from translator.dialect import Reply
from translator.dialects.openai import signed
from translator.dialects.openai.answers import opened_call, picture
from translator.dialects.openai.errors import encode_stream_error
from translator.dialects.openai.finishes import word_of
from translator.dialects.openai.usage import encode_usage
from translator.dialects.openai.vocabulary import PARAGRAPH
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.messages import Media, Part, Reasoning, Refusal, Signature, Text, ToolCall, ToolKind

END_MARK = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
_NOT_FINISHED = b',"logprobs":null,"finish_reason":null}]}\n\n'
_ROLE = b'{"role":"assistant","content":""}'
_MEMBERS: dict[type[Part], bytes] = {Text: b"content", Reasoning: b"reasoning_content", Refusal: b"refusal"}


class StreamEncoder:
    """Takes one block at a time, in order."""

    __slots__ = ("_calls", "_details", "_has_thought", "_head", "_opening", "_part", "_pictures", "_reply", "_thoughts")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._head = b""
        """What every chunk begins with."""
        self._part: Part = Text("")
        self._opening = b""
        """What a delta of the open block begins with, up to its text."""
        self._calls = -1
        self._details = -1
        self._pictures = -1
        self._has_thought = False
        self._thoughts: list[str] = []

    def feed(self, event: Event) -> bytes:
        match event:
            case Delta():
                return self._delta(event.text)
            case Begin():
                return self._begin(event)
            case Open():
                return self._open(event.part)
            case Close():
                return self._close(event.signature)
            case End():
                return self._end(event)

    def fail(self, status: int, message: str) -> bytes:
        return encode_stream_error(status, message)

    def _begin(self, event: Begin) -> bytes:
        facts = {
            "id": event.id or f"chatcmpl-{self._reply.id}",
            "object": "chat.completion.chunk",
            "created": self._reply.created_at,
            "model": event.model or self._reply.model,
        }
        self._head = b"data: " + orjson.dumps(facts)[:-1] + b',"choices":['
        return self._chunk(_ROLE)

    def _chunk(self, delta: bytes) -> bytes:
        return b"".join((self._head, b'{"index":0,"delta":', delta, _NOT_FINISHED))

    def _open(self, part: Part) -> bytes:
        self._part = part
        match part:
            case ToolCall():
                return self._open_call(part)
            case Media():
                self._pictures += 1  # SDKs that put a stream together want a number in every list.
                return self._chunk(orjson.dumps({"images": [{"index": self._pictures, **picture(part)}]}))
            case Reasoning():
                self._details += 1
                self._thoughts = []
        self._opening = b'{"%s":' % _MEMBERS.get(type(part), b"content")
        return b""

    def _open_call(self, call: ToolCall) -> bytes:
        self._calls += 1
        opened = {"index": self._calls, **opened_call(call, call.id or f"call_{self._reply.id}{self._calls}")}
        member = b'"custom":{"input":' if call.kind is ToolKind.FREEFORM else b'"function":{"arguments":'
        self._opening = b'{"tool_calls":[{"index":%d,%s' % (self._calls, member)
        return self._chunk(orjson.dumps({"tool_calls": [opened]}))

    def _delta(self, text: str) -> bytes:
        if isinstance(self._part, ToolCall):
            return self._chunk(b"".join((self._opening, orjson.dumps(text), b"}}]}")))
        if isinstance(self._part, Reasoning):
            text = self._thought(text)
        return self._chunk(b"".join((self._opening, orjson.dumps(text), b"}")))

    def _thought(self, text: str) -> str:
        """Thoughts of a later block are set off, since all of them share one member."""
        is_later = self._has_thought and not self._thoughts
        self._thoughts.append(text)
        self._has_thought = True
        return PARAGRAPH + text if is_later else text

    def _close(self, signature: Signature | None) -> bytes:
        match self._part:
            case Reasoning() as part:
                whole = Reasoning("".join(self._thoughts), signature or part.signature, part.is_redacted)
                detail = signed.detail(whole, self._details)
                return self._chunk(orjson.dumps({"reasoning_details": [detail]})) if detail else b""
            case ToolCall() as call if signature is not None and signature != call.signature:
                return self._chunk(self._opening + b'""},"extra_content":%s}]}' % _extra(signature))
            case Text() if signature is not None:
                return self._chunk(b'{"extra_content":%s}' % _extra(signature))
        return b""

    def _end(self, event: End) -> bytes:
        finished = b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"%s"}]}\n\n' % word_of(event.finish).encode()
        chunks = [self._head + finished]
        if self._reply.shows_usage and event.usage is not None:
            chunks.append(self._head + b'],"usage":' + orjson.dumps(encode_usage(event.usage)) + b"}\n\n")
        return b"".join((*chunks, END_MARK))


def _extra(signature: Signature) -> bytes:
    return orjson.dumps(signed.extra_content(signature))


def make_stream_encoder(reply: Reply) -> StreamEncoder:
    return StreamEncoder(reply)
