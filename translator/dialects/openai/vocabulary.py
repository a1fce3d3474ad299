"""What several files of this dialect say."""

from typing import Any, TypeAlias

from translator.families import Family

Words: TypeAlias = dict[str, Any]
"""A piece of a request's body."""
PARAGRAPH = "\n\n"
"""Between pieces of text or of reasoning that share one member."""


def is_openai(family: Family) -> bool:
    """Whether the model is one of OpenAI's, which take what other vendors may refuse."""
    return family.maker == "openai" and family.is_known
