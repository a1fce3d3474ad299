"""How long an answer may become at most, as the client's request says it. Pure; nothing here raises."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from translator.dialect import ClientRequest, Dialect

Path = tuple[str, ...]

_CEILINGS: Final[Mapping[Dialect, tuple[Path, ...]]] = {
    Dialect.OPENAI: (("max_completion_tokens",), ("max_tokens",)),
    Dialect.CLAUDE: (("max_tokens",),),
    Dialect.RESPONSES: (("max_output_tokens",),),
    Dialect.GEMINI: (
        ("generationConfig", "maxOutputTokens"),
        ("generation_config", "max_output_tokens"),
        ("request", "generationConfig", "maxOutputTokens"),
    ),
    Dialect.OLLAMA: (("options", "num_predict"),),
}
_ANSWERS: Final[Mapping[Dialect, tuple[Path, ...]]] = {
    Dialect.OPENAI: (("n",),),
    Dialect.GEMINI: (("generationConfig", "candidateCount"),),
}


def longest_answer(asked: ClientRequest) -> int | None:
    """Tokens, over all answers that are asked for; None where the client sets no limit."""
    body = asked.body.value
    most = next(_numbers(body, _CEILINGS[asked.dialect]), None)
    return None if most is None else most * answers(asked)


def answers(asked: ClientRequest) -> int:
    """How many answers are asked for at once."""
    return next(_numbers(asked.body.value, _ANSWERS.get(asked.dialect, ())), 1)


def _numbers(body: Any, paths: tuple[Path, ...]) -> Iterator[int]:
    for path in paths:
        value = body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            yield value
