"""The wire formats we read and write: one module each, all with the same names (`openai` so far).

A dialect module is values and functions: no Django, no sockets, no clock. `read_request` checks a client's body,
`Relay` follows an upstream's stream that goes to a client of the same dialect, `read_answer` an answer that is whole,
`encode_error` and `encode_stream_error` say what went wrong in the dialect's own shape.
"""

from enum import StrEnum


class Dialect(StrEnum):
    """The names by which catalogue, database and usage rows call the wire formats."""

    OPENAI = "openai"
    CLAUDE = "claude"
    GEMINI = "gemini"
    RESPONSES = "responses"


class InvalidRequest(ValueError):
    """The client's request is wrong in its own dialect. `param` names the member, where one is to blame."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class UpstreamComplaint(Exception):
    """An upstream that answered 200 and meant an error. `status` is the status it should have sent."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
