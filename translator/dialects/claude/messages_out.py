"""A conversation written as Anthropic takes it: it begins with the user, and no turn is empty.

Anthropic's own endpoint takes a first turn of the assistant, those who host Claude for it do not.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from translator import turns
from translator.dialects.claude.content_out import THINKING, Block, blocks_of, is_blank, text_block
from translator.losses import CannotSay, Dropped
from translator.messages import Message, Part, Reasoning, Request, Role

GOES_ON = "(The conversation continues.)"
_IDS = turns.IdRule()


def sayable(request: Request) -> Request:
    """Without the parts that Anthropic has no words for: text of white space alone, thoughts that nobody signed."""
    return replace(request, messages=tuple(_sayable(message) for message in request.messages))


def messages_of(messages: Iterable[Message], takes_prefill: bool, dropped: list[Dropped]) -> list[dict[str, Any]]:
    """Of a `sayable` request's. `takes_prefill`: the model goes on with a last turn of the assistant.

    Raises CannotSay.
    """
    written: list[dict[str, Any]] = []
    for message in turns.in_order(messages, _IDS):
        blocks = blocks_of(message.parts, message.role, dropped)
        _add(written, message.role, _thoughts_first(blocks) if message.role is Role.ASSISTANT else blocks)
    if not written:
        raise CannotSay("`messages` must say something.", "messages")
    if written[0]["role"] == Role.ASSISTANT:
        written.insert(0, _said_by_user(GOES_ON))
    if written[-1]["role"] == Role.ASSISTANT:
        _end(written, takes_prefill, dropped)
    return written


def is_prefilled(messages: Sequence[dict[str, Any]]) -> bool:
    return bool(messages[-1]["role"] == Role.ASSISTANT)


def lacks_thoughts(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether the request goes on with a tool loop that does not begin with the model's thoughts.

    Later turns of a loop need none: there Claude thinks again only if it was asked to.
    """
    number = len(messages) - 1
    while number > 0 and messages[number]["content"][0]["type"] == "tool_result":
        number -= 2
    first = number + 1
    return first < len(messages) and messages[first]["content"][0]["type"] not in THINKING


def _sayable(message: Message) -> Message:
    return Message(message.role, tuple(part for part in message.parts if not _is_unsayable(part)))


def _is_unsayable(part: Part) -> bool:
    return is_blank(part) or (isinstance(part, Reasoning) and part.signature is None)


def _thoughts_first(blocks: list[Block]) -> list[Block]:
    """A turn of the model, which thinks before it speaks and never ends with a thought."""
    while blocks and blocks[-1]["type"] in THINKING:
        blocks.pop()
    first = next((number for number, block in enumerate(blocks) if block["type"] in THINKING), 0)
    after = next((number for number in range(first, len(blocks)) if blocks[number]["type"] not in THINKING), first)
    return blocks[first:after] + blocks[:first] + blocks[after:]


def _add(written: list[dict[str, Any]], role: Role, blocks: list[Block]) -> None:
    if not blocks:
        return
    if written and written[-1]["role"] == role:
        written[-1]["content"] += blocks
    else:
        written.append({"role": role.value, "content": blocks})


def _end(written: list[dict[str, Any]], takes_prefill: bool, dropped: list[Dropped]) -> None:
    """Anthropic refuses white space at the end of what the model is to go on with."""
    if not takes_prefill:
        dropped.append(Dropped("prefill", "this model does not go on with an answer that was begun for it"))
        written.append(_said_by_user(GOES_ON))
        return
    last = written[-1]["content"][-1]
    if last["type"] == "text":
        last["text"] = last["text"].rstrip()


def _said_by_user(text: str) -> dict[str, Any]:
    return {"role": Role.USER.value, "content": [text_block(text)]}
