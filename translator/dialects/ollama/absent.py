"""What a dialect needs for upstreams, and this one does not have: no request goes out in it."""

from collections.abc import Mapping
from typing import Any, NoReturn

from translator.dialect import ClientRequest, Encoded, Peek, Target
from translator.events import Event
from translator.messages import Answer, Request
from translator.usage import Usage


def _absent() -> NoReturn:
    raise NotImplementedError("no upstream speaks Ollama's dialect")


class StreamDecoder:
    def feed(self, data: bytes) -> list[Event]:
        _absent()

    def finish(self) -> list[Event]:
        _absent()


def encode_request(request: Request, target: Target) -> Encoded:
    _absent()


def addressed(request: ClientRequest, model: str, asks_usage: bool) -> dict[str, bytes]:
    _absent()


def decode_response(value: Mapping[str, Any]) -> Answer:
    _absent()


def read_answer(raw: bytes) -> Usage | None:
    _absent()


def make_peek(request: ClientRequest) -> Peek:
    _absent()
