"""Which combo stands in which: none in itself, and none deeper than a request follows.

Disabled combos count too, or enabling one could close a circle. Where a combo names itself, the model of that name is
meant: a combo may stand in for a model and still ask it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from django.utils.translation import gettext as _

from combos.models import Combo
from combos.resolver import DEEPEST

Edges = Mapping[str, Sequence[str]]
Path = tuple[str, ...]
ARROW = " → "


@dataclass(frozen=True, slots=True)
class Nesting:
    """Where a combo of this name would stand among all others."""

    name: str
    names: frozenset[str]
    """Of every combo, this one's too."""
    below: Edges
    above: Edges

    @classmethod
    def of(cls, name: str, others: Iterable[tuple[str, str | None]]) -> Self:
        """`others`: the name of each other combo with each of its targets."""
        pairs = [*others]
        names = frozenset({name, *(outer for outer, _target in pairs)})
        below: dict[str, list[str]] = {}
        above: dict[str, list[str]] = {}
        for outer, inner in pairs:
            if inner in names and inner != outer:
                below.setdefault(outer, []).append(inner)
                above.setdefault(inner, []).append(outer)
        return cls(name, names, below, above)

    def nests(self, model: str) -> bool:
        """Whether a target of this combo means another combo."""
        return model in self.names and model != self.name

    def why_not(self, nested: str) -> str | None:
        """What is wrong with having this other combo as a target."""
        down, up = _levels(nested, self.below), _levels(self.name, self.above)
        for paths in down:
            if self.name in paths:
                return _("The combos would run in a circle: %(path)s.") % {
                    "path": ARROW.join((self.name, *paths[self.name]))
                }
        if len(up) + len(down) <= DEEPEST:
            return None
        return _too_deep((*reversed(_any(up[-1])), *_any(down[-1])))

    def why_not_this_name(self) -> str | None:
        """What is wrong with the name, where other combos mention it already."""
        up = _levels(self.name, self.above)
        return None if len(up) <= DEEPEST else _too_deep(tuple(reversed(_any(up[-1]))))


def around(combo: Combo) -> Nesting:
    return Nesting.of(combo.name, Combo.objects.exclude(pk=combo.pk).values_list("name", "targets__model"))


def _levels(start: str, edges: Edges) -> list[dict[str, Path]]:
    """The paths of each length that begin here, one for each combo at their end. Longer ones are too long anyway."""
    found: list[dict[str, Path]] = []
    ends: dict[str, Path] = {start: (start,)}
    while ends and len(found) <= DEEPEST:
        found.append(ends)
        ends = {following: (*path, following) for end, path in ends.items() for following in edges.get(end, ())}
    return found


def _any(paths: Mapping[str, Path]) -> Path:
    return next(iter(paths.values()))


def _too_deep(path: Path) -> str:
    message = _("Combos stand in each other at most %(most)d deep; here it would be more: %(path)s.")
    return message % {"most": DEEPEST, "path": ARROW.join(path)}
