"""Ollama's `/api/chat`, for clients that know nothing else. Answers go out in it, requests to upstreams do not."""

from translator.dialects.ollama.absent import (
    StreamDecoder,
    addressed,
    decode_response,
    encode_request,
    make_peek,
    read_answer,
)
from translator.dialects.ollama.answers import encode_response
from translator.dialects.ollama.errors import encode_error, encode_stream_error
from translator.dialects.ollama.requests_in import decode_request, read_request
from translator.dialects.ollama.stream_out import END_MARK, KEEP_ALIVE, make_stream_encoder

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
