"""Thoughts that a server left in the text: `<think>...</think>` at the very start of an answer.

Tags may be cut across deltas, so what could still become one is held back. Any cutting gives the same thoughts and the
same text. Tags further on are text, since the model may be writing about them.
"""

from enum import Enum, auto

_OPENING = "<think>"
_CLOSING = "</think>"
_MOST_SPACE = 256
"""So much white space before anything else is no longer looked through."""


class _Place(Enum):
    BEFORE = auto()
    AT_OPENING = auto()
    WITHIN = auto()
    AT_CLOSING = auto()
    BEYOND = auto()


class Thoughts:
    """`feed` and `finish` return the thoughts and the text that are known to be such."""

    __slots__ = ("_held", "_place")

    def __init__(self) -> None:
        self._held = ""
        self._place = _Place.BEFORE

    @property
    def are_over(self) -> bool:
        """All that follows is text."""
        return self._place is _Place.BEYOND

    @property
    def are_undecided(self) -> bool:
        """Nothing but white space, or the beginning of a tag, was seen."""
        return self._place is _Place.BEFORE

    def feed(self, text: str) -> tuple[str, str]:
        if self._place is _Place.BEYOND:
            return "", text
        held, self._held = self._held + text, ""
        if self._place is _Place.BEFORE:
            return self._before(held)
        return self._after(held) if self._place is _Place.AT_CLOSING else self._within(held)

    def finish(self) -> tuple[str, str]:
        held, self._held = self._held, ""
        return ("", held) if self._place is _Place.BEFORE else (held, "")

    def _before(self, held: str) -> tuple[str, str]:
        start = held.lstrip()
        is_near = len(held) - len(start) < _MOST_SPACE
        if is_near and start.startswith(_OPENING):
            self._place = _Place.AT_OPENING
            return self._within(start[len(_OPENING) :])
        if is_near and _OPENING.startswith(start):
            self._held = held
            return "", ""
        self._place = _Place.BEYOND
        return "", held

    def _within(self, held: str) -> tuple[str, str]:
        if self._place is _Place.AT_OPENING:
            held = held.lstrip()
            self._place = _Place.WITHIN if held else _Place.AT_OPENING
        thought, tag, rest = held.partition(_CLOSING)
        if tag:
            self._place = _Place.AT_CLOSING
            return thought, self._after(rest)[1]
        kept = _beginning_of_tag(held)
        self._held = held[len(held) - kept :]
        return held[: len(held) - kept], ""

    def _after(self, held: str) -> tuple[str, str]:
        text = held.lstrip()
        if text:
            self._place = _Place.BEYOND
        return "", text


def _beginning_of_tag(text: str) -> int:
    """How many characters at the end could be the beginning of the closing tag."""
    return next((size for size in range(len(_CLOSING) - 1, 0, -1) if text.endswith(_CLOSING[:size])), 0)


def split(content: str) -> tuple[str, str]:
    """The thoughts and the text of a whole answer."""
    if "<" not in content[:_MOST_SPACE]:
        return "", content
    thoughts = Thoughts()
    thought, text = thoughts.feed(content)
    last_thought, last_text = thoughts.finish()
    return thought + last_thought, text + last_text
