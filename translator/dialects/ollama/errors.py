"""Ollama's errors: a message and nothing else; inside a stream, a line of its own."""

import orjson


def encode_error(status: int, message: str, code: str | None = None, param: str | None = None) -> bytes:
    """The body of an error answer."""
    return orjson.dumps({"error": message})


def encode_stream_error(status: int, message: str) -> bytes:
    return encode_error(status, message) + b"\n"
