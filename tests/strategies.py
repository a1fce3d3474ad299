"""What a client may ask and a model may answer, drawn at random, for the laws of translation.

Law: every value is one that a decoder could have made. Texts have what breaks naive code in them: quotes, backslashes,
line separators, emoji, letters of more than one byte. The strategies of wire bodies are in `tests/bodies.py`.
"""

import json
import os
from collections.abc import Sequence
from string import ascii_letters, digits
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from translator.events import Begin, Close, Delta, End, Event, Open
from translator.messages import (
    Answer,
    Choice,
    Effort,
    Finish,
    Knob,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Request,
    Role,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
)
from translator.usage import Usage

THOROUGH = 20
"""So many times the examples with HYPOTHESIS_PROFILE=thorough; `unshrunk` shows a failure at once, as it was found."""


def examples(count: int) -> settings:
    """For a law whose examples take long; its time depends on the machine, so no example has a deadline."""
    profile = os.environ.get("HYPOTHESIS_PROFILE", "")
    phases = [phase for phase in Phase if profile != "unshrunk" or phase not in (Phase.shrink, Phase.explain)]
    more = THOROUGH if profile == "thorough" else 1
    return settings(
        max_examples=count * more, deadline=None, suppress_health_check=list(HealthCheck), phases=phases, database=None
    )


MAKERS = ("claude", "gemini", "openai")
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # 1 x 1

texts = st.one_of(
    st.sampled_from(["Hello.", 'He said "no" \\ and | left', "北🙂é\u2028\u2029", "a\nb\tc", "{}", "data: [DONE]"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
)
words = st.text(ascii_letters + digits + "_", min_size=1, max_size=12).map(lambda text: f"w{text}")
odd_names = st.sampled_from(["mcp.files/read", "1st", "search web", "ö", "get_" + "x" * 90, "get_" + "x" * 90 + "y"])
tool_names = st.one_of(st.sampled_from(["get_weather", "read-file", "f"]), words, odd_names)
call_ids = st.one_of(
    st.sampled_from(["call_0", "call0", "call-0", "toolu_01A", "functions.f:0", "call_" + "z" * 80]), words
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(-1e6, 1e6), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=5,
)
json_objects: st.SearchStrategy[dict[str, Any]] = st.dictionaries(words, json_values, max_size=3)
arguments = json_objects.map(lambda value: json.dumps(value, ensure_ascii=False))


def signatures(makers: Sequence[str] = MAKERS) -> st.SearchStrategy[Signature]:
    """Each value names its maker, so that a test can find it anywhere; it is valid base64."""
    return st.builds(
        lambda maker, tail: Signature(maker, f"SIGNED{maker}{tail}" + "A" * (-len(f"SIGNED{maker}{tail}") % 4)),
        st.sampled_from(list(makers)),
        st.text(ascii_letters, min_size=4, max_size=8),
    )


def reasonings(makers: Sequence[str] = MAKERS) -> st.SearchStrategy[Reasoning]:
    signed = st.builds(Reasoning, thoughts, st.one_of(st.none(), signatures(makers)))
    redacted = st.builds(lambda signature: Reasoning("", signature, is_redacted=True), signatures(makers))
    return st.one_of(signed, redacted) if "claude" in makers else signed


thoughts = texts.map(lambda text: f"THOUGHT {text}")
"""Known again wherever they turn up."""
pictures = st.one_of(
    st.builds(Media, st.just(MediaKind.IMAGE), st.just("image/png"), data=st.just(PNG)),
    st.builds(Media, st.just(MediaKind.IMAGE), st.just("image/png"), url=st.just("https://example.com/a.png")),
)
calls = st.builds(ToolCall, call_ids, tool_names, arguments)
usages = st.builds(
    lambda fresh, read, write, said, thought: Usage(fresh, read, write, said + thought, thought),
    *(st.integers(0, 10_000) for _ in range(5)),
)
schemas = st.dictionaries(words, st.sampled_from(["string", "integer", "boolean"]), max_size=3).map(
    lambda members: {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in members.items()},
        "required": sorted(members)[:1],
    }
)
tools = st.builds(Tool, tool_names, st.one_of(st.just(""), texts), schemas)
toolsets = st.lists(tools, max_size=3, unique_by=lambda tool: tool.name).map(tuple)


# -- conversations ----------------------------------------------------------------------------------------------------


@st.composite
def conversations(draw: st.DrawFn, makers: Sequence[str] = MAKERS, *, is_tidy: bool = True) -> tuple[Message, ...]:
    """A user's words, then turns of an assistant with their results. An untidy one has results in any order, twice, for
    no call or missing, ids that repeat or are missing, and neighbours of one role."""
    messages = [Message(Role.USER, (Text(draw(texts)),))]
    for number in range(draw(st.integers(0, 3))):
        made = _numbered(draw(st.lists(calls, max_size=3)), number)
        said: list[Part] = [
            *draw(st.lists(reasonings(makers), max_size=1)),
            *draw(st.lists(st.builds(Text, texts), max_size=1)),
            *(made if is_tidy else draw(st.lists(calls, max_size=3))),
        ]
        messages.append(Message(Role.ASSISTANT, tuple(said or [Text("Well.")])))
        asked = [part for part in said if isinstance(part, ToolCall)]
        results = [_result(draw, call) for call in asked]
        messages += _replies(draw, results, is_tidy=is_tidy)
    return tuple(messages)


def _numbered(made: list[ToolCall], turn: int) -> list[ToolCall]:
    return [replace(call, id=f"call_{turn}_{number}") for number, call in enumerate(made)]


def _result(draw: st.DrawFn, call: ToolCall) -> ToolResult:
    content = draw(st.lists(st.one_of(st.builds(Text, texts), pictures), min_size=1, max_size=2))
    return ToolResult(call.id, tuple(content), is_error=draw(st.booleans()), name=call.name)


def _replies(draw: st.DrawFn, results: list[ToolResult], *, is_tidy: bool) -> list[Message]:
    more: list[Part] = draw(st.lists(st.one_of(st.builds(Text, texts), pictures), max_size=2))
    if is_tidy:
        return [Message(Role.USER, (*results, *more) or (Text("Go on."),))]
    orphan = ToolResult("call_nobody", (Text("orphan"),), name="nobody")
    shaken = draw(st.permutations([*results, *results[:1], orphan]))
    kept = shaken[draw(st.integers(0, len(shaken))) :]
    nameless = [replace(result, call_id="") if draw(st.booleans()) else result for result in kept]
    return [Message(Role.USER, (part,)) for part in (*more, *nameless)]


# -- requests ---------------------------------------------------------------------------------------------------------

KNOBS: dict[Knob, st.SearchStrategy[Any]] = {
    Knob.MAX_TOKENS: st.integers(100, 4096),
    Knob.TEMPERATURE: st.sampled_from([0, 0.5, 1]),
    Knob.TOP_P: st.sampled_from([0.1, 0.9]),
    Knob.TOP_K: st.integers(1, 40),
    Knob.STOP: st.lists(words, min_size=1, max_size=2).map(tuple),
    Knob.SEED: st.integers(0, 1000),
    Knob.PRESENCE_PENALTY: st.sampled_from([-1.5, 0.5]),
    Knob.FREQUENCY_PENALTY: st.sampled_from([-1.5, 0.5]),
    Knob.LOGPROBS: st.just(True),
    Knob.TOP_LOGPROBS: st.integers(1, 5),
    Knob.LOGIT_BIAS: st.just({"50256": -100}),
    Knob.CHOICES: st.just(1),
    Knob.PARALLEL_TOOL_CALLS: st.booleans(),
    Knob.USER: words,
    Knob.SERVICE_TIER: st.just("auto"),
    Knob.VERBOSITY: st.sampled_from(["low", "medium", "high"]),
    Knob.PROMPT_CACHE_KEY: words,
}
thinkings = st.one_of(
    st.builds(Thinking, st.just(False)),
    st.builds(Thinking, st.just(True), st.sampled_from(list(Effort)), is_shown=st.sampled_from([None, True, False])),
    st.builds(Thinking, st.just(True), budget=st.integers(1024, 30_000)),
)
outputs = st.one_of(
    st.just(OutputFormat()), st.builds(OutputFormat, schemas, st.just("answer"), strict=st.sampled_from([None, True]))
)


@st.composite
def requests(draw: st.DrawFn, makers: Sequence[str] = MAKERS, *, is_tidy: bool = True) -> Request:
    offered = draw(toolsets)
    names = [tool.name for tool in offered]
    forced = st.sampled_from(names).map(lambda name: ToolChoice(Choice.REQUIRED, (name,))) if names else st.none()
    free = st.sampled_from(list(Choice)).map(ToolChoice)
    return Request(
        model="asked-model",
        messages=draw(conversations(makers, is_tidy=is_tidy)),
        system=tuple(draw(st.lists(st.builds(Text, texts), max_size=2))),
        tools=offered,
        tool_choice=draw(st.one_of(st.none(), free, forced)) if names else None,
        knobs=draw(st.fixed_dictionaries({}, optional=KNOBS)),  # type: ignore[arg-type]
        thinking=draw(st.one_of(st.none(), thinkings)),
        output=draw(st.one_of(st.none(), outputs)),
        is_streaming=draw(st.booleans()),
    )


# -- answers ----------------------------------------------------------------------------------------------------------


def answer_parts(maker: str) -> st.SearchStrategy[tuple[Part, ...]]:
    """As a vendor of this maker's models would answer: thoughts, then words, then calls."""
    signed = st.builds(lambda call, by: replace(call, signature=by), calls, st.one_of(st.none(), signatures([maker])))
    said = st.lists(st.one_of(st.builds(Text, texts), st.builds(Refusal, texts)), max_size=2)
    made = st.lists(signed if maker == "gemini" else calls, max_size=3)
    thought = st.lists(reasonings([maker]), max_size=2)
    return st.tuples(thought, said, made).map(lambda drawn: tuple(part for parts in drawn for part in parts))


def answers(maker: str = "claude") -> st.SearchStrategy[Answer]:
    return st.builds(
        lambda name, parts, finish, usage: Answer(name, "model-1", parts, finish, usage),
        words,
        answer_parts(maker),
        st.sampled_from([Finish.STOP, Finish.LENGTH, Finish.FILTER, Finish.TOOL_CALLS]),
        usages,
    )


@st.composite
def event_streams(draw: st.DrawFn, *, is_finished: bool = True) -> list[Event]:
    """As a decoder may give them: blocks overlap, are empty, close late or never; calls come without id or twice with
    one; freeform and hosted calls and pictures are among them."""
    kinds = st.one_of(
        st.just(Text("")),
        st.just(Reasoning("")),
        st.just(Refusal("")),
        st.builds(lambda by: Reasoning("", by, is_redacted=True), signatures()),
        pictures,
        st.builds(ToolCall, st.one_of(st.just(""), call_ids), tool_names),
    )
    blocks = [_block_events(draw, index, draw(kinds)) for index in range(draw(st.integers(0, 5)))]
    events = _interleaved(draw, blocks)
    usage = draw(st.one_of(st.none(), usages))
    end = [End(draw(st.sampled_from(list(Finish))), usage, None)] if is_finished else []
    return [Begin(draw(words), "model-1", draw(st.one_of(st.none(), usages))), *events, *end]


def _block_events(draw: st.DrawFn, index: int, part: Part) -> list[Event]:
    is_call = isinstance(part, ToolCall)
    text = draw(arguments if is_call else texts) if not isinstance(part, Media) and draw(st.booleans()) else ""
    if isinstance(part, Reasoning) and part.is_redacted:
        text = ""
    middle = draw(st.integers(0, len(text)))
    deltas: list[Event] = [Delta(index, piece) for piece in (text[:middle], text[middle:])]
    may_sign = isinstance(part, Reasoning) and not part.is_redacted
    signature = draw(st.one_of(st.none(), signatures())) if may_sign else None
    closes: list[Event] = [Close(index, signature)] if signature or draw(st.booleans()) else []
    return [Open(index, part), *deltas, *closes]


def _interleaved(draw: st.DrawFn, blocks: list[list[Event]]) -> list[Event]:
    """Blocks open in order; what follows comes as it may."""
    queues = [list(block) for block in blocks]
    events: list[Event] = []
    while any(queues):
        ready = [number for number, queue in enumerate(queues) if queue]
        unopened = [number for number in ready if isinstance(queues[number][0], Open)]
        choices = [number for number in ready if number not in unopened[1:]]
        events.append(queues[draw(st.sampled_from(choices))].pop(0))
    return events


def hosted(tool: Tool) -> Tool:
    """The same name as a freeform tool."""
    return Tool(tool.name, tool.description, kind=ToolKind.FREEFORM)
