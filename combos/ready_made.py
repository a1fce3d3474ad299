"""The combos of the user guide, ready to be made with one click: what each is good for, and whom it asks."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from combos.models import Combo, ComboTarget
from combos.strategies import Strategy
from combos.targets import save_combo


@dataclass(frozen=True, slots=True)
class ReadyMade:
    name: str
    purpose: str | Promise
    models: tuple[str, ...]


ALL = (
    ReadyMade(
        "maximize-claude",
        _("Use a Claude subscription to the last, then a cheap model, then a free one."),
        ("cc/claude-opus-4-6", "glm/glm-4.7", "if/kimi-k2-thinking"),
    ),
    ReadyMade(
        "free-forever",
        _("No cost at all, from three free providers."),
        ("gc/gemini-3-flash", "if/kimi-k2-thinking", "qw/qwen3-coder-plus"),
    ),
    ReadyMade(
        "always-on",
        _("Five layers: two subscriptions, two cheap models, a free one. Somebody answers."),
        ("cc/claude-opus-4-6", "cx/gpt-5.2-codex", "glm/glm-4.7", "minimax/MiniMax-M2.1", "if/kimi-k2-thinking"),
    ),
    ReadyMade(
        "openclaw-free",
        _("Three free models of one provider, for an assistant in a messenger."),
        ("if/glm-4.7", "if/minimax-m2.1", "if/kimi-k2-thinking"),
    ),
    ReadyMade(
        "premium-coding",
        _("The best model first, and two cheap ones behind it."),
        ("cc/claude-opus-4-6", "glm/glm-4.7", "minimax/MiniMax-M2.1"),
    ),
    ReadyMade(
        "free-combo",
        _("Coding for nothing, the newest free model first."),
        ("gc/gemini-3-flash-preview", "if/kimi-k2-thinking", "qw/qwen3-coder-plus"),
    ),
)

READY_MADE: Mapping[str, ReadyMade] = {each.name: each for each in ALL}


def make(ready: ReadyMade) -> Combo:
    """Raises ValidationError where a combo has that name, WrongTargets where the catalogue lacks a provider."""
    combo = Combo(name=ready.name, strategy=Strategy.PRIORITY)
    save_combo(combo, [ComboTarget(model=model) for model in ready.models])
    return combo
