"""An error in the place of an answer, in whoever's shape. Dialects know their own; here are the signs of all others.

A vendor's front door often speaks another format than the vendor: `{"code": 429, "msg": ...}`, `{"detail": ...}`, an
envelope. What they mean is not for here: complaints take along what was said, for whoever knows vendors' codes.
"""

from typing import Any

import orjson

from translator.losses import UpstreamComplaint

SIGNS = frozenset(
    {"error", "errors", "code", "msg", "detail", "base_resp", "status_code", "statusCode", "statusCodeValue"}
    | {"Message", "errorCode", "errorMessage", "error_code", "error_msg", "error_message", "__type"}
)
"""Members that an answer does not have and an error does, whichever way it is spelled."""
LARGEST = 64 << 10


def explained(complaint: UpstreamComplaint, sent: Any) -> UpstreamComplaint:
    """The complaint, with the error that stands in what the upstream sent: bytes, or values of JSON."""
    if complaint.said is None:
        complaint.said = error_in(sent)
    return complaint


def error_in(sent: Any) -> Any:
    """None where it shows no sign of an error."""
    value = _parsed(sent) if isinstance(sent, bytes) else sent
    if isinstance(value, list) and value:
        value = value[0]
    is_error = isinstance(value, dict) and any(value.get(name) for name in SIGNS)
    return value if is_error else None


def _parsed(sent: bytes) -> Any:
    try:
        return orjson.loads(sent) if len(sent) <= LARGEST else None
    except orjson.JSONDecodeError:
        return None
