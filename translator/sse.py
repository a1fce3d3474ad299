"""Server-sent events as bytes (WHATWG HTML, 9.2.6). They may be cut at any byte; none is decoded before it is whole."""

import re

_END_OF_FRAME = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_END_OF_LINE = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DATA = b"data: "
LARGEST_FRAME = 32 << 20
"""Bytes. A sender that goes on without ending an event is broken, and its bytes are held in memory."""


class FrameTooLarge(ValueError):
    """One event grew beyond LARGEST_FRAME bytes."""


class FrameBuffer:
    """Holds back the event that is not whole yet."""

    __slots__ = ("_has_begun", "_tail")

    def __init__(self) -> None:
        self._tail = b""
        self._has_begun = False

    def feed(self, chunk: bytes) -> bytes:
        """All whole events so far, joined, as they came but for a byte order mark; empty while none is whole."""
        if self._has_begun and not self._tail and chunk.endswith(b"\n\n") and b"\r" not in chunk:
            return chunk
        pending = self._tail + chunk if self._tail else chunk
        if not self._has_begun and len(pending) >= len(_BYTE_ORDER_MARK):
            self._has_begun = True
            pending = pending.removeprefix(_BYTE_ORDER_MARK)
        cut = _end_of_last_frame(pending)
        self._tail = pending[cut:]
        if len(self._tail) > LARGEST_FRAME:
            raise FrameTooLarge(f"one event is larger than {LARGEST_FRAME} bytes")
        return pending if cut == len(pending) else pending[:cut]

    def finish(self) -> bytes:
        """What stood after the last whole event. Many senders omit the blank line after their last one."""
        tail, self._tail = self._tail, b""
        return tail


def _end_of_last_frame(pending: bytes) -> int:
    if b"\r" not in pending:
        return pending.rfind(b"\n\n") + 2 if b"\n\n" in pending else 0
    end = 0
    for match in _END_OF_FRAME.finditer(pending):
        end = match.end()
    return end


def plain_data(frames: bytes) -> bytes | None:
    """The data, if there is just one event with one line of it, as nearly all vendors send them; None otherwise.

    `frames` are whole events. This runs for every piece of every stream, so it looks at each byte once at most.
    """
    start = 0 if frames.startswith(_DATA) else _after_event_line(frames)
    end = frames.find(b"\n", start) if start >= 0 else -1
    if end == len(frames) - 2:
        found = frames[start + 6 : end]
    elif end == len(frames) - 3 and frames.endswith(b"\r\n\r\n"):
        found = frames[start + 6 : end - 1]
    else:
        return None
    return None if b"\r" in found else found


def _after_event_line(frames: bytes) -> int:
    """Where the data begins behind the event's name; -1 where anything else stands first."""
    start = frames.find(b"\n") + 1 if frames.startswith(b"event: ") else 0
    return start if start and frames.startswith(_DATA, start) else -1


def split(frames: bytes) -> list[bytes]:
    """Each event of joined whole ones, with the blank line that ends it."""
    found, start = [], 0
    for match in _END_OF_FRAME.finditer(frames):
        if match.start() > start:
            found.append(frames[start : match.end()])
        start = match.end()
    if frames[start:].strip():
        found.append(frames[start:])
    return found


def data(frame: bytes) -> bytes:
    """The event's data lines joined by newlines; empty for comments and for events without data."""
    lines = _END_OF_LINE.split(frame.removeprefix(_BYTE_ORDER_MARK))
    values = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return b"\n".join(values)


def naked(tail: bytes) -> bytes:
    """JSON that was sent as a stream's whole content without being an event, as errors sometimes are; else nothing."""
    found = tail.removeprefix(_BYTE_ORDER_MARK).strip()
    return found if found.startswith((b"{", b"[")) else b""
