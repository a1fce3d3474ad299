"""OpenAI Chat Completions (platform.openai.com/docs/api-reference/chat): requests, answers, streams, errors."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from translator import sse
from translator.dialects import InvalidRequest, UpstreamComplaint
from translator.json_body import JsonBody, MalformedJson
from translator.usage import Usage, estimate

DONE = b"[DONE]"
_ONE_PLAIN_EVENT = re.compile(rb"data: [^\r\n]+\n\n")
_ASK_FOR_USAGE = b'{"include_usage":true}'

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


# -- requests ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A client's request, understood as far as routing and metering need it. `body` keeps the client's bytes."""

    body: JsonBody
    model: str
    is_streaming: bool
    shows_usage: bool
    """Whether the client asked for the usage chunk at the end of the stream."""

    def addressed_to(self, model: str, asks_usage: bool = True) -> bytes:
        """The client's bytes for an upstream that knows the model as `model`.

        Streams ask for usage, whatever the client did: without it nobody knows what was spent.
        """
        changes = {"model": orjson.dumps(model)}
        if self.is_streaming and asks_usage and not self.shows_usage:
            changes["stream_options"] = self._stream_options()
        return self.body.with_members(changes)

    def _stream_options(self) -> bytes:
        options = self.body.value.get("stream_options")
        return orjson.dumps({**options, "include_usage": True}) if options else _ASK_FOR_USAGE


def read_request(raw: bytes) -> ChatRequest:
    """Raises InvalidRequest, naming the member."""
    try:
        body = JsonBody.parse(raw)
        body.spans  # noqa: B018 - finds names that appear twice
    except MalformedJson as error:
        raise InvalidRequest(str(error)) from None
    value = body.value
    options = _optional(value, "stream_options", dict) or {}
    return ChatRequest(
        body=body,
        model=_model(value),
        is_streaming=bool(_optional(value, "stream", bool)),
        shows_usage=bool(options.get("include_usage")),
    )


def _model(value: Any) -> str:
    model = value.get("model")
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequest("`model` must be the name of a model, for example `demo/echo`.", "model")
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("`messages` must be a list with at least one message.", "messages")
    return model


def _optional(value: Any, name: str, kind: type) -> Any:
    found = value.get(name)
    if found is not None and not isinstance(found, kind):
        raise InvalidRequest(f"`{name}` must be of type {kind.__name__}, not {type(found).__name__}.", name)
    return found


# -- answers ----------------------------------------------------------------------------------------------------------


class _Answer(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None
    code: Any = None
    message: Any = None
    msg: Any = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


def read_answer(raw: bytes) -> Usage | None:
    """The usage of a whole answer, None where the vendor sent none. Raises UpstreamComplaint when it is no answer."""
    try:
        answer = _decode_answer(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamComplaint(502, "the answer is not a chat completion: " + _excerpt(raw)) from None
    if not answer.choices:
        raise _complaint(answer, raw)
    return decode_usage(answer.usage)


def decode_usage(usage: dict[str, Any] | None) -> Usage | None:
    """OpenAI's prompt count includes what came from the cache; DeepSeek spells the cached part differently."""
    if not usage:
        return None
    prompt = _details(usage, "prompt_tokens_details")
    completion = _details(usage, "completion_tokens_details")
    total = _count(usage.get("prompt_tokens"))
    cached = min(total, _count(prompt.get("cached_tokens")) or _count(usage.get("prompt_cache_hit_tokens")))
    written = min(total - cached, _count(prompt.get("cache_creation_tokens")))
    return Usage(
        uncached_input=total - cached - written,
        cache_read=cached,
        cache_write=written,
        output=_count(usage.get("completion_tokens")),
        reasoning=_count(completion.get("reasoning_tokens")),
    )


def estimate_usage(request: ChatRequest, output_tokens: int) -> Usage:
    """For vendors that send no counts. The request's JSON stands for its text."""
    return estimate(len(request.body.raw), output_tokens)


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    details = usage.get(name)
    return details if isinstance(details, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _complaint(answer: _Answer, raw: bytes) -> UpstreamComplaint:
    """What an error in the place of an answer says: `{"error": {...}}`, or `{"code": 429, "msg": "..."}`."""
    error = answer.error if isinstance(answer.error, dict) else {}
    text = error.get("message") or answer.message or answer.msg or answer.error
    status = next(filter(None, map(_status, (error.get("status"), error.get("code"), answer.code))), 502)
    return UpstreamComplaint(status, str(text) if text else "no choices in the answer: " + _excerpt(raw))


def _status(value: Any) -> int | None:
    return value if isinstance(value, int) and 400 <= value <= 599 else None


def _excerpt(raw: bytes) -> str:
    return raw[:200].decode("utf-8", "replace") or "(empty)"


# -- streams ----------------------------------------------------------------------------------------------------------


class _Delta(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    audio: Any = None

    def says_something(self) -> bool:
        said = (self.content, self.reasoning_content, self.reasoning, self.refusal, self.tool_calls)
        return any(said) or bool(self.function_call) or bool(self.audio)


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None
    code: Any = None
    message: Any = None
    msg: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


class Relay:
    """Follows an upstream's chat stream on its way to a chat client, whose bytes stay the upstream's.

    `feed` returns the whole events to pass on. Until `has_spoken` they may be held back, since a role or a ping is
    not an answer yet; an error in that time raises UpstreamComplaint. Every event is looked into, for usage, errors and
    the end, and because one line of garbage would break the client.
    """

    __slots__ = ("_frames", "_shows_usage", "events", "failure", "has_spoken", "is_done", "is_finished", "usage")

    def __init__(self, shows_usage: bool) -> None:
        self._frames = sse.FrameBuffer()
        self._shows_usage = shows_usage
        self.has_spoken = False
        self.is_finished = False
        """A finish reason or the end mark was seen."""
        self.is_done = False
        """The end mark was seen; nothing after it is passed on."""
        self.usage: Usage | None = None
        self.failure: str | None = None
        self.events = 0
        """Events passed on. Vendors send about one a token, so it serves as an estimate."""

    def feed(self, chunk: bytes) -> bytes:
        """Raises UpstreamComplaint: an error in the place of an answer, or an event without end."""
        try:
            frames = self._frames.feed(chunk)
        except sse.FrameTooLarge as error:
            raise UpstreamComplaint(502, str(error)) from None
        if self.is_done or not frames:
            return b""
        if _ONE_PLAIN_EVENT.fullmatch(frames):
            return frames if self._keeps(frames[6:-2]) else b""
        return b"".join(frame for frame in sse.split(frames) if self._keeps(sse.data(frame)))

    def finish(self) -> bytes:
        """What remains to be sent when the upstream has closed: its last words, and the end mark it may have left out.

        An upstream that stops in the middle gets an error instead, so that a cut answer never looks finished.
        """
        tail = self._frames.finish()
        last = self.feed(tail + b"\n\n") if tail.strip() else b""
        if self.is_done:
            return last
        if self.is_finished:
            return last + b"data: [DONE]\n\n"
        self.failure = self.failure or "the upstream closed the stream before the answer was finished"
        return last + encode_stream_error(502, self.failure)

    def _keeps(self, payload: bytes) -> bool:
        """Take note of one event's data; whether the event goes on to the client. Garbage does not, comments do."""
        if not payload or self.is_done:
            return not self.is_done
        if payload.strip() == DONE:
            self.is_done = self.is_finished = True
            return True
        try:
            chunk = _decode_chunk(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        self.events += 1
        return self._notes(chunk, payload)

    def _notes(self, chunk: _Chunk, payload: bytes) -> bool:
        if chunk.error or (chunk.choices is None and chunk.usage is None and (chunk.code or chunk.msg)):
            return self._complain(chunk, payload)
        self.usage = decode_usage(chunk.usage) or self.usage
        for choice in chunk.choices or ():
            finishes = bool(choice.finish_reason)
            self.is_finished |= finishes
            self.has_spoken |= finishes or (choice.delta is not None and choice.delta.says_something())
        return bool(chunk.choices) or chunk.usage is None or self._shows_usage

    def _complain(self, chunk: _Chunk, payload: bytes) -> bool:
        complaint = _complaint(
            _Answer(error=chunk.error, code=chunk.code, message=chunk.message, msg=chunk.msg), payload
        )
        if not self.has_spoken:
            raise complaint
        self.failure = complaint.message
        self.is_done = True
        return True


# -- errors -----------------------------------------------------------------------------------------------------------


def encode_error(status: int, message: str, code: str | None = None, param: str | None = None) -> bytes:
    """The body of an error answer."""
    kind = ERROR_TYPES.get(status, "server_error")
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def encode_stream_error(status: int, message: str, code: str | None = "upstream_error") -> bytes:
    """An error inside a stream that has begun. No end mark follows, so that no client takes the answer for whole."""
    return b"data: %s\n\n" % encode_error(status, message, code)
