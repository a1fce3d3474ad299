"""How far apart the pieces of a stream came: the median, of as many as are kept."""

import pytest

from combos.settling.pace import MOST, Pace


def pace_of(*moments: float) -> Pace:
    pace = Pace(iter(moments).__next__)
    for _ in moments:
        pace.beat()
    return pace


@pytest.mark.parametrize(
    ("moments", "middle"),
    [
        ((), None),
        ((7.0,), None),
        ((7.0, 7.05), 50),
        ((7.0, 7.05, 7.1, 7.15, 7.15), 50),
        ((0.0, 0.010, 0.030), 15),
        ((0.0, 0.0, 0.0), 0),
        ((0.0, 0.020, 0.040, 9.0), 20),
    ],
    ids=str,
)
def test_half_of_the_gaps_are_shorter(moments: tuple[float, ...], middle: int | None) -> None:
    assert pace_of(*moments).middle_ms == middle


def test_an_answer_without_end_takes_no_memory_without_end() -> None:
    pace = pace_of(*(0.01 * place for place in range(MOST)))
    for _ in range(1000):
        pace.beat()
    assert pace.middle_ms == 10
