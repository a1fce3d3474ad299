"""Anthropic's Messages API (docs.claude.com/en/api/messages). Its face: the names of `dialect.DialectModule`."""

from translator.dialects.claude.answers import decode_response, encode_response, read_answer
from translator.dialects.claude.errors import encode_error, encode_stream_error
from translator.dialects.claude.peek import make_peek
from translator.dialects.claude.requests_in import decode_request, read_request
from translator.dialects.claude.requests_out import addressed, encode_request
from translator.dialects.claude.stream_in import StreamDecoder
from translator.dialects.claude.stream_out import END_MARK, KEEP_ALIVE, make_stream_encoder

__all__ = [
    "END_MARK",
    "KEEP_ALIVE",
    "StreamDecoder",
    "addressed",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "encode_stream_error",
    "make_peek",
    "make_stream_encoder",
    "read_answer",
    "read_request",
]
