"""The tasks: read two files at once, write what they say into a third, show it and say so; or look at a picture.

Job: `Task` and `Viewing`: the files, the steps of the model that does it, and what must be there in the end. Law: words
and colours are random and stand in the files alone, so a model that knows them got them from the tools' results.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex

from tests.clients.pictures import draw
from tests.clients.toolbox import Deed, Kind

PROMPT = "Read first.txt and second.txt, write the word of each into answer.txt, show it, and tell me the words."
ONCE_MORE = "Which words were they?"
LOOK = "Look at picture.png."
ODD = "Spelling: naïve “quotes”, back\\slash, 'single', $HOME, {\"json\": [1]}, 日本語, 🎉"


@dataclass(frozen=True, slots=True)
class Step:
    """What the model says and wants done, side by side."""

    pieces: tuple[str, ...]
    deeds: tuple[Deed, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    directory: Path
    words: tuple[str, str] = field(default_factory=lambda: (f"word-{token_hex(4)}", f"word-{token_hex(4)}"))

    @property
    def sources(self) -> tuple[Path, Path]:
        return self.directory / "first.txt", self.directory / "second.txt"

    @property
    def answer(self) -> Path:
        return self.directory / "answer.txt"

    def lay_out(self) -> None:
        for source, word in zip(self.sources, self.words, strict=True):
            source.write_text(f"The word is {word}.\n")

    def step(self, results: Sequence[str]) -> Step:
        """What comes after these results of tools. Raises ValueError if they do not say what they should."""
        if not results:
            reading = tuple(Deed(Kind.READ, source) for source in self.sources)
            return Step(("I shall read ", "both files."), reading)
        if len(results) == 1:
            raise ValueError("Two files were read at once, and only one result is there.")
        words = tuple(word_in(result) for result in results[:2])
        if len(results) == 2:
            return Step(("Now I write ", "them down."), (Deed(Kind.WRITE, self.answer, answer_of(words)),))
        if len(results) == 3:
            return Step((), (Deed(Kind.RUN, self.answer, f"cat {self.answer.name}"),))
        if "日本語, 🎉" not in results[3]:
            raise ValueError(f"The result of the command lacks the file: {results[3][:300]!r}")
        return Step(("The words are ", f"«{words[0]}» ", f"and «{words[1]}». ", "完了 ✓"))

    @property
    def content(self) -> str:
        return answer_of(self.words)

    @property
    def last_words(self) -> str:
        return f"The words are «{self.words[0]}» and «{self.words[1]}». 完了 ✓"


@dataclass(frozen=True, slots=True)
class Viewing:
    """Look at a picture, then say that it was seen."""

    directory: Path
    picture: bytes = field(default_factory=lambda: draw(*token_bytes(3)))

    def lay_out(self) -> None:
        (self.directory / "picture.png").write_bytes(self.picture)

    def step(self, results: Sequence[str]) -> Step:
        if results:
            return Step((self.last_words,))
        return Step(("I shall look.",), (Deed(Kind.LOOK, self.directory / "picture.png"),))

    @property
    def last_words(self) -> str:
        return "I have seen the picture."


def answer_of(words: Sequence[str]) -> str:
    return "\n".join([*words, ODD, ""])


def word_in(result: str) -> str:
    found = re.search(r"word-[0-9a-f]{8}", result)
    if not found:
        raise ValueError(f"The result of reading has no word: {result[:300]!r}")
    return found[0]
