"""What vendors put on the wire: whole answers, streams and errors of the four dialects.

Job: `openai_answer`, `openai_chunks`, `openai_error`, the same three for responses, claude and gemini,
and `ENDPOINTS`: which paths they are, and which request fields they document.
Law: pure, and every value is one that a vendor could have sent. Faults are made in `tests/upstream.py`.
"""

from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json import dumps
from secrets import token_hex
from struct import pack
from typing import Any

Json = dict[str, Any]

CREATED = 1_760_000_000
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Usage:
    """Inclusive totals: `input` counts `cached` and `cache_write`, `output` counts `reasoning`."""

    input: int = 9
    output: int = 12
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def as_openai(self) -> Json:
        counts = {"prompt_tokens": self.input, "completion_tokens": self.output}
        details = {"prompt_tokens_details": {"cached_tokens": self.cached, "audio_tokens": 0}}
        reasoning = {"reasoning_tokens": self.reasoning, "audio_tokens": 0}
        total = self.input + self.output
        return {**counts, "total_tokens": total, **details, "completion_tokens_details": reasoning}

    def as_responses(self) -> Json:
        counts = {"input_tokens": self.input, "output_tokens": self.output}
        details = {"cached_tokens": self.cached, "cache_write_tokens": self.cache_write}
        reasoning = {"output_tokens_details": {"reasoning_tokens": self.reasoning}}
        total = self.input + self.output
        return {**counts, "total_tokens": total, "input_tokens_details": details, **reasoning}

    def as_claude(self) -> Json:
        cache = {"cache_creation_input_tokens": self.cache_write, "cache_read_input_tokens": self.cached}
        fresh = self.input - self.cached - self.cache_write
        return {"input_tokens": fresh, **cache, "output_tokens": self.output}

    def as_gemini(self) -> Json:
        prompt = {"promptTokenCount": self.input, "cachedContentTokenCount": self.cached}
        reply = {"candidatesTokenCount": self.output - self.reasoning, "thoughtsTokenCount": self.reasoning}
        spoken = {name: count for name, count in {**prompt, **reply}.items() if count}
        return {**spoken, "totalTokenCount": self.input + self.output}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool. Without an `id` it gets a fresh one in the dialect's own style (Gemini: none)."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    signature: str = ""
    key: str = field(default_factory=lambda: token_hex(12))

    def id_as(self, prefix: str) -> str:
        return self.id or prefix + self.key

    def as_openai(self) -> Json:
        function = {"name": self.name, "arguments": dumps(self.arguments, ensure_ascii=False)}
        return {"id": self.id_as("call_"), "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said; every builder takes these as keywords. `finish` is the dialect's own word."""

    pieces: tuple[str, ...]
    model: str = "scripted-model"
    calls: Sequence[ToolCall] = ()
    thinking: str = ""
    signature: str = ""
    usage: Usage = Usage()
    finish: str = ""
    key: str = field(default_factory=lambda: token_hex(12))
    include_usage: bool = True
    encoding_format: str = "float"

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def frame(payload: Json | str, event: str = "") -> bytes:
    """One SSE event; with `event` it has a name line, as Anthropic's and Responses' events have."""
    text = payload if isinstance(payload, str) else dumps(payload, ensure_ascii=False, separators=(",", ":"))
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {text}\n\n".encode()


def cut(text: str, size: int = 8) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def openai_answer(*pieces: str, **facts: Any) -> Json:
    answer = Answer(pieces, **facts)
    message: Json = {"role": "assistant", "content": answer.text if pieces else None, "refusal": None}
    if answer.thinking:
        message["reasoning_content"] = answer.thinking
    if answer.calls:
        message["tool_calls"] = [call.as_openai() for call in answer.calls]
    finish = answer.finish or ("tool_calls" if answer.calls else "stop")
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    envelope = {"id": f"chatcmpl-{answer.key}", "object": "chat.completion", "created": CREATED}
    origin = {"model": answer.model, "service_tier": "default", "system_fingerprint": "fp_scripted"}
    return {**envelope, **origin, "choices": [choice], "usage": answer.usage.as_openai()}


def openai_deltas(message: Json, pieces: Sequence[str]) -> Iterator[Json]:
    yield {"role": "assistant", "content": "" if pieces else None, "refusal": None}
    yield from ({"reasoning_content": thought} for thought in cut(message.get("reasoning_content", "")))
    yield from ({"content": piece} for piece in pieces)
    for index, call in enumerate(message.get("tool_calls", [])):
        function = call["function"]
        yield {"tool_calls": [{"index": index, **call, "function": {**function, "arguments": ""}}]}
        for arguments in cut(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}


def openai_chunks(*pieces: str, **facts: Any) -> list[bytes]:
    """Role, contents, finish, a usage chunk with `choices: []` unless `include_usage=False`, [DONE]."""
    whole, asked_for_usage = openai_answer(*pieces, **facts), facts.get("include_usage", True)
    (choice,), usage = whole.pop("choices"), whole.pop("usage")
    envelope = {**whole, "object": "chat.completion.chunk"} | ({"usage": None} if asked_for_usage else {})
    deltas = [(delta, None) for delta in openai_deltas(choice["message"], pieces)]
    choices = [
        [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        for delta, finish in [*deltas, ({}, choice["finish_reason"])]
    ]
    last = [frame({**envelope, "choices": [], "usage": usage})] if asked_for_usage else []
    return [*(frame({**envelope, "choices": one}) for one in choices), *last, DONE]


def embeddings_answer(*inputs: str, **facts: Any) -> Json:
    """One vector of three for each input: floats, or their little-endian bytes in base64."""
    answer = Answer(inputs, **facts)
    vectors = [(len(text) / 64, text.count(" ") / 64, 0.5) for text in inputs]
    packed = [b64encode(pack("<3f", *vector)).decode() for vector in vectors]
    shown = packed if answer.encoding_format == "base64" else vectors
    rows = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(shown)]
    usage = dict.fromkeys(("prompt_tokens", "total_tokens"), answer.usage.input)
    return {"object": "list", "data": rows, "model": answer.model, "usage": usage}


def responses_items(answer: Answer) -> Iterator[Json]:
    """The finished output items: a reasoning item, a message, a function call each."""
    if answer.thinking or answer.signature:
        summary = [{"type": "summary_text", "text": answer.thinking}] if answer.thinking else []
        reasoning = {"id": f"rs_{answer.key}", "type": "reasoning", "summary": summary}
        yield {**reasoning, "encrypted_content": answer.signature or None}
    if answer.pieces:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text}
        message = {"id": f"msg_{answer.key}", "type": "message", "role": "assistant"}
        yield {**message, "status": "completed", "content": [part]}
    for call in answer.calls:
        item = {"id": f"fc_{call.key}", "type": "function_call", "call_id": call.id_as("call_")}
        yield {**item, "status": "completed", **call.as_openai()["function"]}


def responses_answer(*pieces: str, **facts: Any) -> Json:
    """`finish` is a reason to be incomplete (`max_output_tokens`), or "failed" for a failed response."""
    answer = Answer(pieces, **facts)
    status = {"": "completed", "failed": "failed"}.get(answer.finish, "incomplete")
    reason = {"reason": answer.finish} if status == "incomplete" else None
    error = {"code": "server_error", "message": "The model failed."} if status == "failed" else None
    return {
        "id": f"resp_{answer.key}", "object": "response", "created_at": CREATED, "status": status,
        "background": False, "error": error, "incomplete_details": reason, "instructions": None,
        "max_output_tokens": None, "metadata": {}, "model": answer.model,
        "output": [*responses_items(answer)], "parallel_tool_calls": True, "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None}, "service_tier": "default", "store": False,
        "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
        "top_p": 1.0, "truncation": "disabled", "usage": None if error else answer.usage.as_responses(),
    }  # fmt: skip


def responses_deltas(item: Json, place: Json, pieces: Sequence[str]) -> Iterator[Json]:
    """What comes between `response.output_item.added` and `.done`."""
    for number, part in enumerate(item.get("summary", [])):
        here, kind = {**place, "summary_index": number}, "response.reasoning_summary"
        yield {"type": f"{kind}_part.added", **here, "part": {**part, "text": ""}}
        yield from ({"type": f"{kind}_text.delta", **here, "delta": delta} for delta in cut(part["text"]))
        yield {"type": f"{kind}_text.done", **here, "text": part["text"]}
        yield {"type": f"{kind}_part.done", **here, "part": part}
    for number, part in enumerate(item.get("content", [])):
        here, kind = {**place, "content_index": number}, "response.output_text"
        yield {"type": "response.content_part.added", **here, "part": {**part, "text": ""}}
        yield from ({"type": f"{kind}.delta", **here, "delta": piece, "logprobs": []} for piece in pieces)
        yield {"type": f"{kind}.done", **here, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **here, "part": part}
    if "arguments" in item:
        kind, whole = "response.function_call_arguments", item["arguments"]
        yield from ({"type": f"{kind}.delta", **place, "delta": delta} for delta in cut(whole))
        yield {"type": f"{kind}.done", **place, "name": item["name"], "arguments": whole}


def responses_events(whole: Json, pieces: Sequence[str]) -> Iterator[Json]:
    open_ended = dict.fromkeys(("usage", "error", "incomplete_details"))
    started = {**whole, **open_ended, "status": "in_progress", "output": []}
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    empty = {"summary": [], "content": [], "arguments": "", "status": "in_progress"}
    for index, item in enumerate(whole["output"]):
        opened = {name: empty.get(name, value) for name, value in item.items()}
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        yield from responses_deltas(item, {"item_id": item["id"], "output_index": index}, pieces)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{whole['status']}", "response": whole}


def responses_chunks(*pieces: str, **facts: Any) -> list[bytes]:
    events = enumerate(responses_events(responses_answer(*pieces, **facts), pieces))
    return [frame({"sequence_number": number, **event}, event["type"]) for number, event in events]


def claude_answer(*pieces: str, **facts: Any) -> Json:
    answer = Answer(pieces, **facts)
    content: list[Json] = []
    if answer.thinking or answer.signature:
        content.append({"type": "thinking", "thinking": answer.thinking, "signature": answer.signature})
    if pieces:
        content.append({"type": "text", "text": answer.text})
    for call in answer.calls:
        tool = {"type": "tool_use", "id": call.id_as("toolu_"), "name": call.name}
        content.append({**tool, "input": dict(call.arguments)})
    message = {"id": f"msg_{answer.key}", "type": "message", "role": "assistant", "model": answer.model}
    reason = answer.finish or ("tool_use" if answer.calls else "end_turn")
    finish = {"stop_reason": reason, "stop_sequence": None}
    usage = {**answer.usage.as_claude(), "service_tier": "standard"}
    return {**message, "content": content, **finish, "usage": usage}


def claude_deltas(block: Json, pieces: Sequence[str]) -> list[Json]:
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in pieces]
    if block["type"] == "tool_use":
        arguments = ["", *cut(dumps(block["input"], ensure_ascii=False))]
        return [{"type": "input_json_delta", "partial_json": piece} for piece in arguments]
    thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in cut(block["thinking"])]
    return [*thoughts, {"type": "signature_delta", "signature": block["signature"]}]


def claude_events(message: Json, pieces: Sequence[str]) -> Iterator[Json]:
    finish = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    usage = {name: count for name, count in message["usage"].items() if name != "service_tier"}
    first_usage = {**message["usage"], "output_tokens": 1}
    started = {**message, "content": [], "stop_reason": None, "usage": first_usage}
    yield {"type": "message_start", "message": started}
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    for index, block in enumerate(message["content"]):
        opened = {name: empty.get(name, value) for name, value in block.items()}
        yield {"type": "content_block_start", "index": index, "content_block": opened}
        yield from [] if index else [{"type": "ping"}]
        for delta in claude_deltas(block, pieces):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": finish, "usage": usage}
    yield {"type": "message_stop"}


def claude_chunks(*pieces: str, **facts: Any) -> list[bytes]:
    return [frame(event, event["type"]) for event in claude_events(claude_answer(*pieces, **facts), pieces)]


def claude_count(*_: str, usage: Usage, **__: Any) -> Json:
    return {"input_tokens": usage.input}


def gemini_parts(answer: Answer) -> Iterator[Json]:
    if answer.thinking:
        yield {"text": answer.thinking, "thought": True}
    for piece in answer.pieces:
        yield {"text": piece}
    for call in answer.calls:
        known = {"id": call.id} if call.id else {}
        signature = {"thoughtSignature": call.signature} if call.signature else {}
        yield {"functionCall": {**known, "name": call.name, "args": dict(call.arguments)}, **signature}


def gemini_response(answer: Answer, parts: Sequence[Json], finish: Json, usage: Json) -> Json:
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **finish}
    origin = {"modelVersion": answer.model, "responseId": answer.key}
    return {"candidates": [candidate], "usageMetadata": usage, **origin}


def gemini_answer(*pieces: str, **facts: Any) -> Json:
    answer = Answer(("".join(pieces),) if pieces else (), **facts)
    finish = {"finishReason": answer.finish or "STOP"}
    return gemini_response(answer, [*gemini_parts(answer)], finish, answer.usage.as_gemini())


def gemini_chunks(*pieces: str, **facts: Any) -> list[bytes]:
    """A chunk for each part, parallel calls too; the last one has the finish reason and all the counts."""
    answer = Answer(pieces, **facts)
    finish = {"finishReason": answer.finish or "STOP"}
    prompt = {"promptTokenCount": answer.usage.input, "totalTokenCount": answer.usage.input}
    *early, last = [*gemini_parts(answer)] or [{"text": ""}]
    chunks = [gemini_response(answer, [part], {}, prompt) for part in early]
    return [*map(frame, chunks), frame(gemini_response(answer, [last], finish, answer.usage.as_gemini()))]


def gemini_count(*_: str, usage: Usage, **__: Any) -> Json:
    return {"totalTokens": usage.input}


ERRORS = {  # status: OpenAI's type and code, Anthropic's type, Google's status
    400: ("invalid_request_error", None, "invalid_request_error", "INVALID_ARGUMENT"),
    401: ("invalid_request_error", "invalid_api_key", "authentication_error", "UNAUTHENTICATED"),
    402: ("insufficient_quota", "insufficient_quota", "billing_error", "FAILED_PRECONDITION"),
    403: ("invalid_request_error", "permission_denied", "permission_error", "PERMISSION_DENIED"),
    404: ("invalid_request_error", "model_not_found", "not_found_error", "NOT_FOUND"),
    429: ("requests", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"),
    500: ("server_error", None, "api_error", "INTERNAL"),
    503: ("server_error", None, "overloaded_error", "UNAVAILABLE"),
    529: ("server_error", None, "overloaded_error", "UNAVAILABLE"),
}


def openai_error(status: int, message: str, code: str | None = None) -> Json:
    kind, usual_code, _, _ = ERRORS.get(status, ERRORS[500])
    return {"error": {"message": message, "type": kind, "param": None, "code": code or usual_code}}


def claude_error(status: int, message: str) -> Json:
    kind = ERRORS.get(status, ERRORS[500])[2]
    error = {"type": kind, "message": message}
    return {"type": "error", "error": error, "request_id": f"req_{token_hex(12)}"}


def gemini_error(status: int, message: str, retry_delay: str = "") -> Json:
    """`retry_delay`, such as "26s", is said in a RetryInfo, where Google says it."""
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry_delay}
    name = ERRORS.get(status, ERRORS[500])[3]
    error = {"code": status, "message": message, "status": name}
    return {"error": {**error, "details": [retry]} if retry_delay else error}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path ending, how it answers, and the top-level request fields that its vendor documents."""

    ending: str
    answer: Callable[..., Json]
    chunks: Callable[..., list[bytes]] | None
    error: Callable[[int, str], Json]
    unknown: str
    documented: str

    def complaint(self, asked: Collection[str], allowed: Collection[str] = ()) -> str:
        """What the vendor says to the first undocumented field, or nothing."""
        strangers = [name for name in asked if name not in {*self.documented.split(), *allowed}]
        return self.unknown.format(strangers[0]) if strangers else ""


OPENAI_FIELDS = """model metadata moderation parallel_tool_calls prompt_cache_key prompt_cache_options
    prompt_cache_retention safety_identifier service_tier store stream stream_options temperature
    tool_choice tools top_logprobs top_p user"""
CHAT_FIELDS = f"""{OPENAI_FIELDS} messages audio frequency_penalty function_call functions logit_bias
    logprobs max_completion_tokens max_tokens modalities n prediction presence_penalty reasoning_effort
    response_format seed stop verbosity web_search_options"""
RESPONSES_FIELDS = f"""{OPENAI_FIELDS} input access_programs background background_options
    context_management conversation image include instructions max_output_tokens max_tool_calls
    previous_response_id prompt reasoning text truncation"""
COUNT_FIELDS = """model messages billing_policy cache_control compaction context_management mcp_servers
    output_config output_format speed system thinking tool_choice tools"""
CLAUDE_FIELDS = f"""{COUNT_FIELDS} max_tokens container diagnostics fallback_credit_token fallbacks
    inference_geo metadata service_tier stop_sequences stream temperature thread top_k top_p"""
GEMINI_FIELDS = """contents tools toolConfig tool_config safetySettings safety_settings systemInstruction
    system_instruction generationConfig generation_config cachedContent labels serviceTier store"""
CHAT = (openai_error, "Unrecognized request argument supplied: {}")
RESPONSES = (openai_error, "Unknown parameter: '{}'.")
CLAUDE = (claude_error, "{}: Extra inputs are not permitted")
GEMINI = (gemini_error, 'Invalid JSON payload received. Unknown name "{}": Cannot find field.')
ENDPOINTS = (
    Endpoint("/chat/completions", openai_answer, openai_chunks, *CHAT, CHAT_FIELDS),
    Endpoint("/embeddings", embeddings_answer, None, *CHAT, "model input dimensions encoding_format user"),
    Endpoint("/responses", responses_answer, responses_chunks, *RESPONSES, RESPONSES_FIELDS),
    Endpoint("/messages", claude_answer, claude_chunks, *CLAUDE, CLAUDE_FIELDS),
    Endpoint("/messages/count_tokens", claude_count, None, *CLAUDE, COUNT_FIELDS),
    Endpoint(":generateContent", gemini_answer, None, *GEMINI, GEMINI_FIELDS),
    Endpoint(":streamGenerateContent", gemini_answer, gemini_chunks, *GEMINI, GEMINI_FIELDS),
    Endpoint(":countTokens", gemini_count, None, *GEMINI, "contents generateContentRequest"),
)


def endpoint_of(path: str) -> Endpoint | None:
    return next((endpoint for endpoint in ENDPOINTS if path.endswith(endpoint.ending)), None)
