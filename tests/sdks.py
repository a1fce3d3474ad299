"""The official SDKs as clients: what each of them understood of an answer, in the same words for all four.

Job: `ask`, which gives a `Heard` and raises what the SDK raises. Law: an SDK reads and puts together by itself; here
its result is only told in common words. `finish` is the dialect's own word, usage counts as `tests.wire.Usage` does.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from json import dumps, loads
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import errors, types

from tests.gateway import GatewayProcess
from tests.wire import Json, Usage

SDK_ERRORS = (openai.APIError, anthropic.APIError, errors.APIError)


@dataclass(frozen=True, slots=True)
class Used:
    """A call as the SDK shows it."""

    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Heard:
    text: str
    thinking: str
    calls: tuple[Used, ...]
    finish: str
    usage: Usage
    refusal: str = ""


@dataclass(slots=True)
class Pieces:
    """What a stream said so far, for SDKs that leave the putting together to their users."""

    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: dict[int, Any] = field(default_factory=dict)
    finish: str = ""
    usage: Any = None


# -- openai: chat completions -----------------------------------------------------------------------------------------


@cache
def openai_sdk(root: str, key: str) -> Any:
    return openai.OpenAI(base_url=f"{root}/v1", api_key=key, max_retries=0, timeout=20)


def ask_openai(root: str, body: Json, key: str) -> Heard:
    if not body.get("stream"):
        whole = openai_sdk(root, key).chat.completions.create(**body)
        (choice,) = whole.choices
        message = choice.message
        calls = [openai_call(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()]
        thinking = (message.model_extra or {}).get("reasoning_content") or ""
        usage = openai_usage(whole.usage)
        return Heard(message.content or "", thinking, tuple(calls), choice.finish_reason, usage, message.refusal or "")
    said = Pieces()
    for chunk in openai_sdk(root, key).chat.completions.create(**body, stream_options={"include_usage": True}):
        said.usage = chunk.usage or said.usage
        for choice in chunk.choices:
            hear_delta(said, choice.delta)
            said.finish = choice.finish_reason or said.finish
    calls = [openai_call(call_id, name, "".join(texts)) for call_id, name, texts in said.calls.values()]
    text, thinking, refusal = ("".join(pieces) for pieces in (said.text, said.thinking, said.refusal))
    return Heard(text, thinking, tuple(calls), said.finish, openai_usage(said.usage), refusal)


def hear_delta(said: Pieces, delta: Any) -> None:
    said.text.append(delta.content or "")
    said.refusal.append(delta.refusal or "")
    said.thinking.append((delta.model_extra or {}).get("reasoning_content") or "")
    for call in delta.tool_calls or ():
        _, _, texts = said.calls.setdefault(call.index, (call.id, call.function.name, []))
        texts.append(call.function.arguments or "")


def openai_call(id: str, name: str, arguments: str) -> Used:
    return Used(id, name, loads(arguments))


def openai_usage(usage: Any) -> Usage:
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    cached, reasoning = getattr(prompt, "cached_tokens", 0), getattr(completion, "reasoning_tokens", 0)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return Usage(usage.prompt_tokens, usage.completion_tokens, cached or 0, 0, reasoning or 0)


# -- openai: responses ------------------------------------------------------------------------------------------------


def ask_responses(root: str, body: Json, key: str) -> Heard:
    if not body.get("stream"):
        return heard_response(openai_sdk(root, key).responses.create(**body))
    last, deltas, numbers = None, [], []
    for event in openai_sdk(root, key).responses.create(**body):
        numbers.append(event.sequence_number)
        if event.type == "response.output_text.delta":
            deltas.append(event.delta)
        if event.type in ("response.completed", "response.incomplete", "response.failed"):
            last = event.response
        if event.type == "error":
            raise openai.APIError(event.message, request=None, body=None)  # type: ignore[arg-type]
    assert last is not None, "the stream ended without a last event"
    heard = heard_response(last)
    assert numbers == sorted(set(numbers))
    assert heard.text == "".join(deltas)
    return heard


def heard_response(response: Any) -> Heard:
    if response.status == "failed":
        raise openai.APIError(response.error.message, request=None, body=None)  # type: ignore[arg-type]
    kinds = {item.type for item in response.output}
    assert kinds <= {"message", "reasoning", "function_call"}
    thoughts = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
    calls = [
        openai_call(item.call_id, item.name, item.arguments) for item in response.output if item.type == "function_call"
    ]
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    refusal = "".join(part.refusal for part in parts if part.type == "refusal")
    why = f": {response.incomplete_details.reason}" if response.incomplete_details else ""
    usage = response.usage
    counted = Usage(
        usage.input_tokens,
        usage.output_tokens,
        usage.input_tokens_details.cached_tokens,
        0,
        usage.output_tokens_details.reasoning_tokens,
    )
    finish = f"{response.status}{why}"
    return Heard(response.output_text, "".join(thoughts), tuple(calls), finish, counted, refusal)


# -- anthropic --------------------------------------------------------------------------------------------------------


@cache
def claude_sdk(root: str, key: str) -> Any:
    return anthropic.Anthropic(base_url=root, auth_token=key, max_retries=0, timeout=20)


def ask_claude(root: str, body: Json, key: str) -> Heard:
    members = {name: value for name, value in body.items() if name != "stream"}
    if not body.get("stream"):
        return heard_message(claude_sdk(root, key).messages.create(**members))
    with claude_sdk(root, key).messages.stream(**members) as stream:
        return heard_message(stream.get_final_message())


def heard_message(message: Any) -> Heard:
    blocks = message.content
    text = "".join(block.text for block in blocks if block.type == "text")
    thinking = "".join(block.thinking for block in blocks if block.type == "thinking")
    calls = tuple(Used(block.id, block.name, block.input) for block in blocks if block.type == "tool_use")
    usage = message.usage
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    counted = Usage(usage.input_tokens + cached + written, usage.output_tokens, cached, written)
    return Heard(text, thinking, calls, message.stop_reason or "", counted)


# -- google-genai -----------------------------------------------------------------------------------------------------


@cache
def gemini_sdk(root: str, key: str, version: str = "v1beta") -> genai.Client:
    options = types.HttpOptions(base_url=root, api_version=version, timeout=20_000)
    return genai.Client(api_key=key, http_options=options)


def ask_gemini(root: str, body: Json, key: str) -> Heard:
    models = gemini_sdk(root, key).models
    config = dict(body.get("generationConfig", {}))
    config |= {name: body[name] for name in ("tools", "systemInstruction", "toolConfig") if name in body}
    asked = {
        "model": body["model"],
        "contents": [types.Content.model_validate_json(dumps(content)) for content in body["contents"]],
        "config": types.GenerateContentConfig.model_validate_json(dumps(config)),
    }
    if body.get("stream"):
        return heard_chunks(models.generate_content_stream(**asked))
    return heard_chunks([models.generate_content(**asked)])


def heard_chunks(chunks: Iterable[types.GenerateContentResponse]) -> Heard:
    parts, finish, usage = [], "", Usage(0, 0)
    for chunk in chunks:
        for candidate in chunk.candidates or ():
            parts += (candidate.content.parts or []) if candidate.content else []
            finish = candidate.finish_reason.value if candidate.finish_reason else finish
        usage = gemini_usage(chunk.usage_metadata) if chunk.usage_metadata else usage
    text = "".join(part.text for part in parts if part.text and not part.thought)
    thinking = "".join(part.text for part in parts if part.text and part.thought)
    used = [part.function_call for part in parts if part.function_call]
    calls = tuple(Used(call.id or "", call.name or "", call.args or {}) for call in used)
    return Heard(text, thinking, calls, finish, usage)


def gemini_usage(usage: types.GenerateContentResponseUsageMetadata) -> Usage:
    spoken, thought = usage.candidates_token_count or 0, usage.thoughts_token_count or 0
    return Usage(usage.prompt_token_count or 0, spoken + thought, usage.cached_content_token_count or 0, 0, thought)


ASK: Mapping[str, Callable[[str, Json, str], Heard]] = {
    "openai": ask_openai,
    "claude": ask_claude,
    "gemini": ask_gemini,
    "responses": ask_responses,
}


def ask(gateway: GatewayProcess, client: str, model: str, body: Json, stream: bool = False) -> Heard:
    """The body through the client's SDK. Raises one of SDK_ERRORS."""
    return ASK[client](gateway.root, {"model": model, **body, "stream": stream}, gateway.admin_key)
