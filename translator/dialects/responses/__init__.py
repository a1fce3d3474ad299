"""The Responses API of OpenAI (platform.openai.com/docs/api-reference/responses)."""

from translator.dialects.responses.answers import decode_response, encode_response, final_response, read_answer
from translator.dialects.responses.errors import encode_error, encode_stream_error
from translator.dialects.responses.folding import Folding
from translator.dialects.responses.history import input_items, output_items
from translator.dialects.responses.peek import make_peek
from translator.dialects.responses.requests_in import decode_request, read_request
from translator.dialects.responses.requests_out import addressed, encode_request
from translator.dialects.responses.stream_in import StreamDecoder
from translator.dialects.responses.stream_out import make_stream_encoder

END_MARK = b""
"""Nothing follows the event that ends an answer."""
KEEP_ALIVE = b": keep-alive\n\n"

__all__ = [
    "END_MARK",
    "KEEP_ALIVE",
    "Folding",
    "StreamDecoder",
    "addressed",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "encode_stream_error",
    "final_response",
    "input_items",
    "make_peek",
    "make_stream_encoder",
    "output_items",
    "read_answer",
    "read_request",
]
