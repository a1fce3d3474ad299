"""What no vendor sends: the answer all the same, or an honest error; never a crash, and never a word of our own."""

import random
from collections.abc import Callable
from json import dumps

import pytest

from providers import failures
from tests import upstream as play
from tests import wire
from tests.calls import Call
from tests.gateway import GatewayProcess
from tests.sdks import ask
from tests.talk import BODIES, DIALECTS, PREFIXES, assert_error, dialect_of, nodes_of, post, says, wants_stream
from tests.test_error_bodies import NOW
from tests.upstream import Behaviour, ScriptedUpstream
from tests.vendors import SOURCES, pass_on, stream, whole
from translator import crossing
from translator.dialect import Dialect
from translator.losses import UpstreamComplaint

over_clients = pytest.mark.parametrize("client", ["openai", "claude"])
over_speakers = pytest.mark.parametrize("speaker", DIALECTS)
sources = pytest.mark.parametrize("source", SOURCES)


@pytest.fixture(scope="module")
def cells(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    nodes_of(shared_gateway, upstream_server)
    return shared_gateway


def broken(raw: bytes, dice: random.Random) -> bytes:
    """The same with one to four bytes changed."""
    changed = bytearray(raw)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(raw))] = dice.choice([dice.randrange(256), *b'"{}[],:\\\n\r 0'])
    return bytes(changed)


@sources
def test_flipped_bytes_in_what_is_passed_on_harm_nobody(source: str) -> None:
    """For 10,000 streams in all."""
    dice = random.Random(source)
    raw = b"".join(stream(source))
    for _ in range(2500):
        assert status_of(pass_on, source, [broken(raw, dice)]) >= 200


@sources
def test_flipped_bytes_in_a_whole_answer_harm_nobody(source: str) -> None:
    dice = random.Random(source)
    raw = dumps(whole(source)).encode()
    for _ in range(2500):
        assert status_of(crossing.read_usage, Dialect(source), broken(raw, dice)) >= 200


def status_of(deed: Callable[..., object], *arguments: object) -> int:
    """200, or that of the complaint; whatever else is raised is not caught."""
    try:
        deed(*arguments)
    except UpstreamComplaint as complaint:
        return failures.from_complaint(complaint, NOW).status
    return 200


LINES: dict[str, bytes] = {
    "ten megabytes of nothing": b"data: " + b"x" * (10 << 20) + b"\n\n",
    "ten megabytes of a comment": b": " + b"x" * (10 << 20) + b"\n\n",
    "ten megabytes of brackets": b"data: " + b"[" * (10 << 20) + b"\n\n",
    "NUL bytes": b"data: \x00\x00{\x00}\x00\n\n\x00\n\n",
    "half a character": b"data: {\"a\": \"\xc3\n\n",
    "a number": b"data: 7\n\n",
    "a list": b"data: [{}]\n\n",
    "an empty object": b"data: {}\n\n",
    "another field": b"retry: 1000\nid: 7\n\n",
}  # fmt: skip


@over_clients
@over_speakers
@pytest.mark.parametrize("line", LINES)
def test_a_line_of_garbage_harms_no_stream(
    cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, line: str
) -> None:
    told = says("Hel", "lo.")

    def odd(call: Call) -> Behaviour:
        whole_stream = told(call)
        pieces = list(whole_stream.pieces or ())
        return play.sse_bytes([*pieces[:2], LINES[line], *pieces[2:]])

    upstream.always(odd)
    assert ask(cells, client, f"{PREFIXES[speaker]}/m", BODIES["text"][client], stream=True).text == "Hello."


def body_of(call: Call) -> bytes:
    return b"".join(says("Hel", "lo.")(call).pieces or ())


ENDLESS = {"content-length": "100000"}
WRONG: dict[str, Callable[[Call], Behaviour]] = {
    "too long a length": lambda call: play.json(200, body_of(call), ENDLESS, ending=play.Ending.CLOSE),
    "too short a length": lambda call: play.json(200, body_of(call)[:20], ending=play.Ending.CLOSE),
    "no HTTP": lambda call: play.json(200, b"", {"transfer-encoding": "chunked"}, ending=play.Ending.CLOSE),
    "compressed, it says": lambda call: play.json(200, b"\x1f\x8b\x08\x00garbage", {"content-encoding": "gzip"}),
    "random bytes": lambda call: play.json(200, random.Random(1).randbytes(5000)),
    "NUL bytes": lambda call: play.json(200, b"\x00" * 5000),
    "numbers beyond measure": lambda call: play.json(200, b'{"choices": ' + b"9" * 5000 + b"}"),
    "brackets without end": lambda call: play.json(200, b'{"choices": ' + b"[" * 100_000),
    "ten megabytes": lambda call: play.json(200, b"x" * (10 << 20)),
}  # fmt: skip


@over_clients
@over_speakers
@pytest.mark.parametrize("sent", WRONG)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_body_of_garbage_is_an_error(
    cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, sent: str, stream: bool
) -> None:
    upstream.always(WRONG[sent])
    answer = post(cells, client, f"{PREFIXES[speaker]}/m", stream=stream)
    if answer.status_code == 200:  # the beginning of a stream was as good as any
        assert b"Hel" in answer.content
        assert b"error" in answer.content or b"lo." in answer.content
    else:
        assert_error(answer, client, 502)


@over_speakers
def test_a_whole_answer_under_the_name_of_a_stream_is_no_invention(
    cells: GatewayProcess, upstream: ScriptedUpstream, speaker: str
) -> None:
    upstream.always(lambda call: play.json(200, whole(dialect_of(call)), {"content-type": "text/event-stream"}))
    for wish in (False, True):
        assert_error(post(cells, "openai", f"{PREFIXES[speaker]}/m", stream=wish), "openai", 502)
    upstream.reset()
    upstream.always(
        lambda call: (
            play.sse([wire.frame({"text": "made up"})], headers={"content-type": "application/json"})
            if wants_stream(call)
            else play.json(200, b'"a text"')
        )
    )
    for wish in (False, True):
        assert_error(post(cells, "claude", f"{PREFIXES[speaker]}/m", stream=wish), "claude", 502)
