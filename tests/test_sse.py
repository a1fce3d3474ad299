"""Server-sent events, cut at any byte, are the same events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator import sse

STREAMS = {
    "LF": 'data: {"a":"北🙂é"}\n\ndata: [DONE]\n\n'.encode(),
    "CRLF": 'data: {"a":"北🙂é"}\r\n\r\ndata: [DONE]\r\n\r\n'.encode(),
    "CR": 'data: {"a":"北🙂é"}\r\rdata: [DONE]\r\r'.encode(),
    "mixed": 'data: {"a":"北🙂é"}\r\n\ndata: [DONE]\n\r\n'.encode(),
    "no space": 'data:{"a":"北🙂é"}\n\ndata:[DONE]\n\n'.encode(),
    "no end": 'data: {"a":"北🙂é"}\n\ndata: [DONE]'.encode(),
    "comments": 'data: {"a":"北🙂é"}\n\n: ping\n\nevent: x\ndata: [DONE]\n\n'.encode(),
    "byte order mark": '\ufeffdata: {"a":"北🙂é"}\n\ndata: [DONE]\n\n'.encode(),
}


def payloads(pieces: list[bytes]) -> list[bytes]:
    buffer, frames = sse.FrameBuffer(), b""
    for piece in pieces:
        frames += buffer.feed(piece)
    frames += buffer.finish()
    return [data for frame in sse.split(frames) if (data := sse.data(frame))]


@pytest.mark.parametrize("raw", STREAMS.values(), ids=STREAMS.keys())
def test_a_cut_at_any_byte_changes_nothing(raw: bytes) -> None:
    whole = ['{"a":"北🙂é"}'.encode(), b"[DONE]"]
    for cut in range(len(raw) + 1):
        assert payloads([raw[:cut], raw[cut:]]) == whole, cut
    assert payloads([raw[at : at + 1] for at in range(len(raw))]) == whole


@given(st.lists(st.sampled_from([b"data: a\n\n", b"data: b\r\n\r\n", b": ping\n\n", b"x", b"\r", b"\n"]), max_size=12))
def test_nothing_is_lost_or_invented(pieces: list[bytes]) -> None:
    buffer = sse.FrameBuffer()
    assert b"".join([*(buffer.feed(piece) for piece in pieces), buffer.finish()]) == b"".join(pieces)


PIECES = [b"data: ", b"data:", b"event: ", b"a", b": x", b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n"]


@given(st.lists(st.sampled_from(PIECES), max_size=10))
def test_data_that_is_plain_is_the_data_of_the_one_event(pieces: list[bytes]) -> None:
    frames = sse.FrameBuffer().feed(b"".join(pieces))
    plain = sse.plain_data(frames) if frames else None
    assert plain is None or [plain] == [sse.data(frame) for frame in sse.split(frames)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", [b"", b"event: x"])
def test_what_vendors_send_is_plain(name: bytes, end: bytes) -> None:
    frames = (name + end if name else b"") + b"data: {}" + end + end
    assert sse.plain_data(frames) == b"{}"


def test_lines_of_data_are_joined() -> None:
    assert sse.data(b"data: a\ndata:b\nid: 1\n\n") == b"a\nb"


def test_an_event_without_end_is_refused_before_memory_is() -> None:
    buffer = sse.FrameBuffer()
    buffer.feed(b"x" * sse.LARGEST_FRAME)
    with pytest.raises(sse.FrameTooLarge):
        buffer.feed(b"x")
