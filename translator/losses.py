"""What a crossing cannot carry. A loss is a value, and reported; content that cannot be represented is refused."""

from msgspec import Struct


class Dropped(Struct, frozen=True):
    """One thing the target was not told. `what` names it as the client or `messages.Knob` does; `why` is for people."""

    what: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


class InvalidRequest(ValueError):
    """The client's request is wrong in its own dialect. `param` names the member, where one is to blame."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class CannotSay(InvalidRequest):
    """The request is right, but this target has no words for a part of it; another may. `param` names the part."""


class UpstreamComplaint(Exception):
    """An upstream that answered 200 and meant an error. `status` is the status it should have sent.

    `said` is what it sent, as values of JSON, for whoever knows vendors' codes; None where it sent nothing of the kind.
    """

    def __init__(self, status: int, message: str, said: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.said = said
