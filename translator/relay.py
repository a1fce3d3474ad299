"""An upstream's stream on its way to a client of the same dialect: its bytes stay as they are.

Every event is looked into, for usage, errors and the end, and because one line of garbage would break the client. Until
`has_spoken` the bytes may be held back, since a role or a ping is not an answer yet; an error in that time raises
UpstreamComplaint. A stream that is cut ends with an error, so that it never looks finished.
"""

from translator import embedded, sse
from translator.dialect import ClientRequest, DialectModule, Peek
from translator.losses import UpstreamComplaint
from translator.usage import Usage

CUT = "the upstream closed the stream before the answer was finished"


class Relay:
    """`feed` returns the whole events to pass on, `finish` what remains when the upstream has closed."""

    __slots__ = ("_dialect", "_failure", "_first", "_frames", "_peek")

    def __init__(self, dialect: DialectModule, request: ClientRequest) -> None:
        self._dialect = dialect
        self._frames = sse.FrameBuffer()
        self._peek: Peek = dialect.make_peek(request)
        self._failure: str | None = None
        self._first = b""
        """The first event's data: an error in another shape, where nothing else comes."""

    @property
    def has_spoken(self) -> bool:
        return self._peek.has_spoken

    @property
    def is_done(self) -> bool:
        return self._peek.is_done

    @property
    def usage(self) -> Usage | None:
        return self._peek.usage

    @property
    def events(self) -> int:
        return self._peek.events

    @property
    def failure(self) -> str | None:
        return self._failure or self._peek.failure

    def feed(self, chunk: bytes) -> bytes:
        """Raises UpstreamComplaint: an error in the place of an answer, or an event without end."""
        try:
            frames = self._frames.feed(chunk)
        except sse.FrameTooLarge as error:
            raise UpstreamComplaint(502, str(error)) from None
        peek = self._peek
        if peek.is_done or not frames:
            return b""
        if plain := sse.plain_data(frames):
            return frames if self._knows(plain) else b""
        return b"".join(frame for frame in sse.split(frames) if self._keeps(frame))

    def _keeps(self, frame: bytes) -> bool:
        """What follows the end does not go on, nor do events without data, which no SDK expects.

        Comments do, for clients that understand them.
        """
        if self._peek.is_done:
            return False
        payload = sse.data(frame)
        return self._knows(payload) if payload else self._peek.keeps_comments and frame.startswith(b":")

    def _knows(self, payload: bytes) -> bool:
        self._first = self._first or payload
        try:
            return self._peek.keeps(payload)
        except RecursionError:  # Brackets without end: garbage like any other.
            return False
        except UpstreamComplaint as complaint:
            raise embedded.explained(complaint, payload) from None

    def finish(self) -> bytes:
        """The upstream's last words, and the end mark it may have left out; an error where it stopped in the middle.

        Raises UpstreamComplaint where it never said anything.
        """
        tail = self._frames.finish()
        last = self.feed(tail + b"\n\n") if tail.strip() else b""
        if self._peek.is_done:
            return last
        if self._peek.is_finished:
            return last + self._dialect.END_MARK
        if not self.has_spoken:
            raise embedded.explained(UpstreamComplaint(502, self.failure or CUT), self._first or sse.naked(tail))
        return last + self.fail(502, self.failure or CUT)

    def fail(self, status: int, message: str) -> bytes:
        self._failure = message
        return self._peek.fail(status, message)
