"""OpenAI Chat Completions (platform.openai.com/docs/api-reference/chat), spoken by OpenAI and by most other vendors."""

from translator.dialects.openai.answers import decode_response, encode_response, read_answer
from translator.dialects.openai.errors import encode_error, encode_stream_error
from translator.dialects.openai.peek import make_peek
from translator.dialects.openai.requests_in import decode_request, is_responses_body, read_request
from translator.dialects.openai.requests_out import addressed, encode_request
from translator.dialects.openai.responses_bodies import from_responses_body
from translator.dialects.openai.stream_in import StreamDecoder
from translator.dialects.openai.stream_out import END_MARK, KEEP_ALIVE, make_stream_encoder
from translator.dialects.openai.usage import decode_usage, encode_usage

__all__ = [
    "END_MARK",
    "KEEP_ALIVE",
    "StreamDecoder",
    "addressed",
    "decode_request",
    "decode_response",
    "decode_usage",
    "encode_error",
    "encode_request",
    "encode_response",
    "encode_stream_error",
    "encode_usage",
    "from_responses_body",
    "is_responses_body",
    "make_peek",
    "make_stream_encoder",
    "read_answer",
    "read_request",
]
