"""How hard to think, said in words, in tokens and in switches, and what a family of models makes of it."""

from collections.abc import Mapping

from translator.families import Family
from translator.messages import Effort, Thinking

TOKENS: Mapping[Effort, int] = {
    Effort.MINIMAL: 1_024,
    Effort.LOW: 2_048,
    Effort.MEDIUM: 8_192,
    Effort.HIGH: 24_576,
    Effort.XHIGH: 32_768,
    Effort.MAX: 65_536,
}
"""What a word is worth where tokens are asked for."""

_WORDS = ((2_048, Effort.LOW), (16_384, Effort.MEDIUM), (32_768, Effort.HIGH))
"""Up to so many tokens the word fits; beyond the last it is xhigh."""

_ORDER = list(Effort)
SHARE_OF_OUTPUT = 0.8
"""The most of an answer's length that thinking may take, where it counts towards it."""


def effort_of(thinking: Thinking) -> Effort | None:
    """The word for a wish; None where it names neither word nor number."""
    if thinking.effort is not None or thinking.budget is None:
        return thinking.effort
    return next((word for most, word in _WORDS if thinking.budget <= most), Effort.XHIGH)


def effort_for(thinking: Thinking, family: Family) -> Effort | None:
    """The family's word that comes closest to a wish, the lower one of two; None where the family decides itself.

    A family known only by its dialect is not told a word that the client did not say: servers behind it refuse to
    think with models that cannot.
    """
    wanted = effort_of(thinking) if family.is_known else thinking.effort
    if wanted is None or not family.efforts:
        return None
    return min(family.efforts, key=lambda word: (abs(_ORDER.index(word) - _ORDER.index(wanted)), _ORDER.index(word)))


def budget_for(thinking: Thinking, family: Family, most_output: int | None = None) -> int | None:
    """Tokens to think with, within what the family takes and the answer leaves room for; None where it may decide.

    Returns 0 where there is no room to think at all. `most_output` is the longest answer, thinking included.
    """
    wanted = (
        thinking.budget if thinking.budget is not None else TOKENS.get(thinking.effort) if thinking.effort else None
    )
    if wanted is None:
        return None
    bounded = max(family.least_budget, min(wanted, family.most_budget))
    if most_output is None or bounded < most_output:
        return bounded
    shared = int(most_output * SHARE_OF_OUTPUT)
    return shared if shared >= max(family.least_budget, 1) else 0
