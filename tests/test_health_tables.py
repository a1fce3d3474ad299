"""The rules of health, row by row, on a clock of the test's own."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health import cooldowns
from health.breaker import (
    CLOSED,
    HALF_OPEN,
    OPEN,
    TRANSITIONS,
    BreakerRecord,
    BreakerState,
    Circumstances,
    Move,
    Sign,
    moved,
    sign_of,
)
from health.cooldowns import LONGEST_REST, Blow, Part, part_of, rested, usable_hint
from health.outcomes import learned
from health.profiles import DEFAULTS, Profile, ProfileClass
from providers.failures import FailureKind, Scope, UpstreamError
from providers.hints import RateHints

KEY = replace(DEFAULTS[ProfileClass.API_KEY], jitter=0.0)
LOGIN = replace(DEFAULTS[ProfileClass.OAUTH], jitter=0.0)
NOW = 1_000_000.0
OPENED = BreakerRecord(OPEN, 5, NOW - 10, NOW + 20, 30.0, "network (502)")


def failure(kind: FailureKind, retry_after: float | None = None, scope: Scope = Scope.MODEL) -> UpstreamError:
    return UpstreamError(kind, 500, "no", retry_after, scope)


class TestBreaker:
    def test_every_state_has_a_rule_for_every_sign(self) -> None:
        assert set(TRANSITIONS) == {(state, sign) for state in BreakerState for sign in Sign}

    @pytest.mark.parametrize(("kind", "sign"), [(None, Sign.GOOD), *((kind, None) for kind in FailureKind)])
    def test_only_what_is_the_providers_counts(self, kind: FailureKind | None, sign: Sign | None) -> None:
        ours = {FailureKind.OVERLOADED, FailureKind.TRANSIENT, FailureKind.NETWORK}
        expected = sign or (Sign.BAD if kind in ours else Sign.NEUTRAL)
        assert sign_of(kind, False, False) is expected

    def test_a_neutral_outcome_is_neutral_whatever_it_was(self) -> None:
        assert sign_of(FailureKind.NETWORK, True, True) is Sign.PROBE_NEUTRAL

    def test_it_opens_at_the_threshold(self) -> None:
        record = None
        for _ in range(KEY.failure_threshold - 1):
            record = moved(record, 0, Sign.BAD, Circumstances(KEY, NOW))
            assert record is not None
            assert record.state == CLOSED
        record = moved(record, 0, Sign.BAD, Circumstances(KEY, NOW, "network (502)"))
        assert record == BreakerRecord(OPEN, 5, NOW, NOW + 30, 30.0, "network (502)")

    @pytest.mark.parametrize(
        ("left", "sign", "state"),
        [
            (20, Sign.GOOD, OPEN),
            (20, Sign.BAD, OPEN),
            (20, Sign.PROBE_GOOD, None),
            (0, Sign.GOOD, OPEN),
            (0, Sign.PROBE_GOOD, None),
            (0, Sign.PROBE_BAD, OPEN),
            (0, Sign.PROBE_NEUTRAL, OPEN),
        ],
    )
    def test_what_becomes_of_an_open_one(self, left: float, sign: Sign, state: BreakerState | None) -> None:
        after = moved(OPENED, left, sign, Circumstances(KEY, NOW + 30))
        assert (after.state if after else None) == state

    def test_a_bad_probe_begins_its_time_anew(self) -> None:
        after = moved(OPENED, 0, Sign.PROBE_BAD, Circumstances(KEY, NOW + 30))
        assert after is not None
        assert after.until == NOW + 60

    @given(st.lists(st.sampled_from(list(Sign)), max_size=60), st.integers(1, 6))
    def test_it_is_open_only_after_as_many_failures_in_a_row(self, signs: list[Sign], threshold: int) -> None:
        profile, record, in_a_row = replace(KEY, failure_threshold=threshold), None, 0
        for sign in signs:
            was_closed = record is None or record.state == CLOSED
            record = moved(record, 1.0, sign, Circumstances(profile, NOW))
            if sign in (Sign.BAD, Sign.PROBE_BAD):
                in_a_row += 1
            elif sign in (Sign.GOOD, Sign.PROBE_GOOD):
                in_a_row = 0
            if was_closed and record is not None and record.state == OPEN:
                assert in_a_row >= threshold

    def test_half_open_moves_by_its_probe_alone(self) -> None:
        movers = {sign for (state, sign), move in TRANSITIONS.items() if state == HALF_OPEN and move is not Move.STAY}
        assert movers == {Sign.PROBE_GOOD, Sign.PROBE_BAD}


class TestWhatRests:
    @pytest.mark.parametrize(
        ("kind", "part"),
        [
            (FailureKind.CREDENTIAL, Part.CONNECTION),
            (FailureKind.QUOTA, Part.MODEL),
            (FailureKind.MODEL_ACCESS, Part.MODEL),
            (FailureKind.MODEL_GONE, Part.MODEL),
            (FailureKind.RATE_LIMIT, Part.MODEL),
            (FailureKind.OVERLOADED, Part.MODEL),
            (FailureKind.TRANSIENT, Part.MODEL),
            (FailureKind.NETWORK, Part.MODEL),
            (FailureKind.CALLERS_FAULT, None),
            (FailureKind.CONTEXT_TOO_LONG, None),
            (FailureKind.UNSUPPORTED_FEATURE, None),
            (FailureKind.FOREIGN_REASONING, None),
        ],
    )
    def test_each_kind_of_failure(self, kind: FailureKind, part: Part | None) -> None:
        assert part_of(failure(kind)) is part

    @pytest.mark.parametrize("kind", [FailureKind.QUOTA, FailureKind.RATE_LIMIT])
    def test_a_limit_of_the_account_rests_all_of_the_connection(self, kind: FailureKind) -> None:
        assert part_of(failure(kind, scope=Scope.ACCOUNT)) is Part.CONNECTION

    @pytest.mark.parametrize("kind", [FailureKind.CREDENTIAL, FailureKind.QUOTA, FailureKind.RATE_LIMIT])
    def test_what_must_be_kept_is_not_soft(self, kind: FailureKind) -> None:
        rest = rested(None, 0, blow(kind))
        assert rest is not None
        assert not rest.is_soft

    def test_a_server_error_is_soft_unless_the_vendor_named_a_time(self) -> None:
        hiccup = rested(None, 0, blow(FailureKind.OVERLOADED))
        soft, hard = rested(hiccup, 0, blow(FailureKind.OVERLOADED)), rested(None, 0, blow(FailureKind.OVERLOADED, 30))
        assert hiccup is not None
        assert hiccup.seconds == 0, "one alone rests nothing"
        assert soft is not None
        assert soft.is_soft
        assert hard is not None
        assert not hard.is_soft


class TestHowLong:
    @pytest.mark.parametrize(
        ("profile", "kind", "expected"),
        [
            (KEY, FailureKind.RATE_LIMIT, [1, 2, 4, 8, 16, 32, 32]),
            (LOGIN, FailureKind.RATE_LIMIT, [60, 120, 120]),
            (KEY, FailureKind.TRANSIENT, [0, 3, 6, 12, 24, 48, 96, 96]),
            (LOGIN, FailureKind.NETWORK, [0, 5, 10, 20, 40, 80, 120]),
            (KEY, FailureKind.CREDENTIAL, [120, 120]),
        ],
        ids=["429 of a key", "429 of a login", "5xx of a key", "network of a login", "401"],
    )
    def test_each_rest_is_longer_than_the_one_before(
        self, profile: Profile, kind: FailureKind, expected: list[int]
    ) -> None:
        rest, lengths = None, []
        for _ in expected:
            rest = rested(rest, 0, Blow(failure(kind), profile, NOW, 0.0))
            assert rest is not None
            lengths.append(rest.seconds)
        assert lengths == expected

    @pytest.mark.parametrize(
        ("hint", "seconds"),
        [(7, 7), (0.2, 1), (1e9, LONGEST_REST), (-5, 1), (math.nan, 1), (math.inf, 1), (None, 1)],
    )
    def test_the_longer_of_hint_and_backoff_within_a_day(self, hint: float | None, seconds: float) -> None:
        rest = rested(None, 0, blow(FailureKind.RATE_LIMIT, hint))
        assert rest is not None
        assert rest.seconds == seconds

    @given(st.floats(), st.floats(0, 1), st.integers(0, 30))
    def test_no_rest_is_negative_or_longer_than_a_day(self, hint: float, draw: float, level: int) -> None:
        for profile in DEFAULTS.values():
            for rule in cooldowns.RULES.values():
                assert 0 <= cooldowns.length(rule, profile, level, hint, draw) <= LONGEST_REST

    @given(st.floats(0, 1))
    def test_jitter_lengthens_by_a_fifth_at_most_and_never_shortens(self, draw: float) -> None:
        profile = DEFAULTS[ProfileClass.API_KEY]
        rest = rested(None, 0, Blow(failure(FailureKind.RATE_LIMIT, 10.0), profile, NOW, draw))
        assert rest is not None
        assert 10 <= rest.seconds <= 12

    def test_many_at_once_make_one_rest(self) -> None:
        first = rested(None, 0, blow(FailureKind.RATE_LIMIT))
        assert first is not None
        assert rested(first, first.seconds, blow(FailureKind.RATE_LIMIT)) == first

    def test_a_later_time_from_the_vendor_lengthens_a_rest(self) -> None:
        first = rested(None, 0, blow(FailureKind.RATE_LIMIT, 5))
        later = rested(first, 5, blow(FailureKind.RATE_LIMIT, 60))
        assert later is not None
        assert later.until == NOW + 60
        assert later.level == 0

    def test_a_soft_rest_gives_way_to_one_that_must_be_kept(self) -> None:
        soft = rested(None, 0, blow(FailureKind.TRANSIENT))
        hard = rested(soft, 3, blow(FailureKind.RATE_LIMIT, 1))
        assert hard is not None
        assert not hard.is_soft

    def test_as_many_429_in_a_row_as_the_profile_bears_rest_nothing(self) -> None:
        profile, rest = replace(KEY, rate_limit_sensitivity=3), None
        for _ in range(2):
            rest = rested(rest, 0, Blow(failure(FailureKind.RATE_LIMIT), profile, NOW, 0.0))
            assert rest is not None
            assert rest.seconds == 0
        rest = rested(rest, 0, Blow(failure(FailureKind.RATE_LIMIT), profile, NOW, 0.0))
        assert rest is not None
        assert rest.seconds == 1

    def test_a_named_time_counts_at_once_however_much_the_profile_bears(self) -> None:
        profile = replace(KEY, rate_limit_sensitivity=9)
        rest = rested(None, 0, Blow(failure(FailureKind.RATE_LIMIT, 7), profile, NOW, 0.0))
        assert rest is not None
        assert rest.seconds == 7

    def test_a_profile_without_rest_after_server_errors_rests_nothing(self) -> None:
        profile = replace(KEY, transient_cooldown=0.0)
        assert rested(None, 0, Blow(failure(FailureKind.TRANSIENT), profile, NOW, 0.0)) is None


class TestHints:
    @pytest.mark.parametrize(
        ("hints", "remaining"),
        [
            (None, None),
            (RateHints(100, 50, 10), None),
            (RateHints(100, 10, 10), None),
            (RateHints(100, 9, 10), 9),
            (RateHints(100, 0, 10), 0),
            (RateHints(None, 0, 10), 0),
            (RateHints(100, -3, 10), 0),
            (RateHints(100, 0, None), None),
            (RateHints(100, 0, 0), None),
            (RateHints(100, 0, -5), None),
            (RateHints(100, None, 10), None),
        ],
    )
    def test_only_what_is_nearly_used_up_is_learned(self, hints: RateHints | None, remaining: int | None) -> None:
        found = learned(hints)
        assert (found.remaining if found else None) == remaining

    @given(st.one_of(st.none(), st.floats()))
    def test_a_hint_is_between_nothing_and_a_day(self, seconds: float | None) -> None:
        assert 0 <= usable_hint(seconds) <= LONGEST_REST


def blow(kind: FailureKind, retry_after: float | None = None) -> Blow:
    return Blow(failure(kind, retry_after), KEY, NOW, 0.0)
