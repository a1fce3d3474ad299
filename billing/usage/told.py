"""Job: what a stream told, as the answer in one piece that it adds up to, for people to read.

Law: pure. A stream that is not understood, or was cut, is shown as it came.
"""

import orjson

from translator.crossing import StreamReader
from translator.dialect import UPSTREAM_DIALECTS, Dialect, Reply
from translator.dialects import DIALECTS
from translator.events import fold
from translator.losses import UpstreamComplaint
from translator.toolbox import Toolbox

NO_TOOLS = Toolbox()


def told(stream: bytes, dialect: Dialect) -> bytes:
    """In the dialect of the stream."""
    if dialect not in UPSTREAM_DIALECTS:
        return stream
    reader = StreamReader(dialect, NO_TOOLS, "logged")
    try:
        answer = fold([*reader.feed(stream), *reader.finish()])
        reply = Reply(answer.id, 0, answer.model)
        return orjson.dumps(DIALECTS[dialect].encode_response(answer, reply))
    except (UpstreamComplaint, orjson.JSONEncodeError):
        return stream
