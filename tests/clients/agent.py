"""The scripted agent: a model that does one task with the tools that the request declares, in the request's dialect.

Job: `ScriptedAgent`, a behaviour of the scripted upstream. Law: what it does next depends on the request alone, on the
number of tool results in it, so it finds out whether the client's history arrives whole. It keeps what it saw and
said, for the test to compare. Not here: the task (`task.py`), the tools' names (`toolbox.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from tests import wire
from tests.calls import Call
from tests.clients.reading import Arguments, Tool, Turn, read_turn
from tests.clients.task import Step, Task, Viewing
from tests.clients.toolbox import Deed, Kind, choose
from tests.upstream import DEFAULT, Behaviour, json, sse
from tests.wire import Json

ID_PREFIXES = {"openai": "call_", "claude": "toolu_", "responses": "call_", "gemini": ""}


@dataclass(frozen=True, slots=True)
class Wish:
    """A tool call as the agent means it."""

    tool: Tool
    arguments: Arguments
    id: str

    def as_item(self) -> Json:
        """The call of a freeform tool, which only Responses has."""
        kind = {"id": f"ctc_{token_hex(12)}", "type": "custom_tool_call", "status": "completed"}
        place = {"namespace": self.tool.namespace} if self.tool.namespace else {}
        return {**kind, "call_id": self.id, "name": self.tool.name, **place, "input": self.arguments}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call that the agent took part in: what it was given, what it asked for."""

    call: Call
    turn: Turn
    wishes: tuple[Wish, ...]
    signature: str


@dataclass(slots=True)
class ScriptedAgent:
    task: Task | Viewing
    exchanges: list[Exchange] = field(default_factory=list)
    asides: list[Call] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __call__(self, call: Call) -> Behaviour:
        try:
            return self.answer(call)
        except (ValueError, KeyError, TypeError) as reason:
            self.complaints.append(f"{type(reason).__name__}: {reason}")
            return json(400)

    def answer(self, call: Call) -> Behaviour:
        turn = read_turn(call)
        if turn is None or not is_able(turn):
            self.asides.append(call)
            return DEFAULT
        step = self.task.step(turn.results_in_order())
        wishes = tuple(wishes_of(step, turn))
        signature = f"signature-{token_hex(12)}" if wishes and turn.dialect != "openai" else ""
        self.exchanges.append(Exchange(call, turn, wishes, signature))
        return spoken(call, turn, step, wishes, signature)


def is_able(turn: Turn) -> bool:
    """Not so in what clients ask besides: a title, a summary."""
    return choose(turn.tools, Deed(Kind.RUN, Path("probe"))) is not None


def wishes_of(step: Step, turn: Turn) -> Iterator[Wish]:
    for deed in step.deeds:
        chosen = choose(turn.tools, deed)
        if chosen is None:
            raise ValueError(f"No tool does this: {deed}")
        prefix = ID_PREFIXES[turn.dialect]
        yield Wish(*chosen, prefix + token_hex(12) if prefix else "")


def spoken(call: Call, turn: Turn, step: Step, wishes: Sequence[Wish], signature: str) -> Behaviour:
    functions = [wish for wish in wishes if not wish.tool.is_freeform]
    facts = {
        "model": call.model,
        "calls": [called(wish, "" if number else signature) for number, wish in enumerate(functions)],
        "thinking": "Let me think." if wishes else "",
        "signature": signature,
        "include_usage": bool((call.fields.get("stream_options") or {}).get("include_usage")),
    }
    if len(functions) < len(wishes):
        return freeform(turn, step, [wish for wish in wishes if wish.tool.is_freeform], facts)
    endpoint = wire.endpoint_of(call.path)
    assert endpoint is not None
    if turn.streams and endpoint.chunks is not None:
        return sse(endpoint.chunks(*step.pieces, **facts))
    return json(200, endpoint.answer(*step.pieces, **facts))


def called(wish: Wish, signature: str) -> wire.ToolCall:
    assert isinstance(wish.arguments, dict)
    return wire.ToolCall(wish.tool.name, wish.arguments, wish.id, signature)


def freeform(turn: Turn, step: Step, wishes: Sequence[Wish], facts: Json) -> Behaviour:
    """A response with calls of freeform tools after the rest."""
    whole = wire.responses_answer(*step.pieces, **facts)
    whole["output"] += [wish.as_item() for wish in wishes]
    if not turn.streams:
        return json(200, whole)
    events = freeform_events(wire.responses_events(whole, step.pieces))
    return sse(wire.frame({"sequence_number": n, **event}, event["type"]) for n, event in enumerate(events))


def freeform_events(events: Iterable[Json]) -> Iterator[Json]:
    """The same events; a freeform call opens empty, and its input comes in deltas."""
    for event in events:
        item = event.get("item") or {}
        if event["type"] != "response.output_item.added" or item["type"] != "custom_tool_call":
            yield event
            continue
        yield {**event, "item": {**item, "input": "", "status": "in_progress"}}
        place, kind = {"item_id": item["id"], "output_index": event["output_index"]}, "response.custom_tool_call_input"
        yield from ({"type": f"{kind}.delta", **place, "delta": piece} for piece in wire.cut(item["input"]))
        yield {"type": f"{kind}.done", **place, "input": item["input"]}
