"""From the name a client asked for to the route that answers for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from combos.refusals import AmbiguousModel, EmptyCombo, Refusal, UnknownModel
from combos.resolver import DEEPEST, NestedRoute, ResolvedTarget, Route, Step, chain_of, close_matches, resolve
from combos.snapshot import Snapshot, Target
from combos.strategies import Strategy
from tests.routing import make_chain, make_combo, make_provider, make_snapshot
from tests.stopwatch import least_seconds

OPENAI = make_provider("openai", "gpt-5", "o3")
CLAUDE = make_provider("cc", "claude-opus-4-6", "shared", slug="claude")
GITHUB = make_provider("gh", "gpt-5.1-codex", "shared")
LLAMA = make_provider("together", "meta-llama/Llama-3", "claude-x[1m]", "m:free", "m@latest", "two words", "modèle")
PROVIDERS = (OPENAI, CLAUDE, GITHUB, LLAMA)


def names_of(route: Route) -> list[str]:
    return [f"{target.provider.prefix}/{target.model.id}" for target in route.targets]


def tree_of(steps: tuple[Step, ...]) -> list[object]:
    return [
        [step.combo.name, *tree_of(step.steps)] if isinstance(step, NestedRoute) else step.target.model
        for step in steps
    ]


ORDER = make_snapshot(
    *PROVIDERS,
    combos=[
        make_combo("coding", "openai/gpt-5"),
        make_combo("gpt-4", "cc/claude-opus-4-6"),
        make_combo("openai", "gh/gpt-5.1-codex"),
        make_combo("openai/o3", "gh/gpt-5.1-codex"),
        make_combo("a/b/c", "openai/gpt-5"),
    ],
    aliases={
        "fast": "coding",
        "gpt-5": "cc/claude-opus-4-6",
        "claude-sonnet-*": "cc/claude-sonnet-4-5-20250929",
        "*sonnet-4": "openai/gpt-5",
        "chain-1": "chain-2",
        "chain-2": "openai/gpt-5",
        "loop-*": "openai/loop-1",
    },
)

FOUND = {
    "coding": "openai/gpt-5",
    "fast": "openai/gpt-5",
    "FAST": "openai/gpt-5",
    "gpt-5": "cc/claude-opus-4-6",
    "openai/gpt-5": "openai/gpt-5",
    "gpt-4": "cc/claude-opus-4-6",
    "openai": "gh/gpt-5.1-codex",
    "openai/o3": "gh/gpt-5.1-codex",
    "a/b/c": "openai/gpt-5",
    "claude-sonnet-4": "cc/claude-sonnet-4-5-20250929",
    "my-sonnet-4": "openai/gpt-5",
    "loop-7": "openai/loop-1",
    "chain-2": "openai/gpt-5",
    "claude/claude-opus-4-6": "cc/claude-opus-4-6",
    "cc/claude-opus-4-6": "cc/claude-opus-4-6",
    "o3": "openai/o3",
    "together/meta-llama/Llama-3": "together/meta-llama/Llama-3",
    "meta-llama/Llama-3": "together/meta-llama/Llama-3",
    "openai/not/listed": "openai/not/listed",
    "claude-x[1m]": "together/claude-x[1m]",
    "together/claude-x[1m]": "together/claude-x[1m]",
    "m:free": "together/m:free",
    "cc/m@latest": "cc/m@latest",
    "two words": "together/two words",
    "modèle": "together/modèle",
}


@pytest.mark.parametrize(("asked", "found"), FOUND.items())
def test_an_alias_comes_before_a_combo_and_a_combo_before_a_model(asked: str, found: str) -> None:
    assert names_of(resolve(asked, ORDER)) == [found]


@pytest.mark.parametrize("asked", ["chain-1", "Coding", "openai/", "/gpt-5", " gpt-5 ", "nope", "", "nope/gpt-5"])
def test_what_is_no_name_of_anything_is_unknown(asked: str) -> None:
    with pytest.raises(UnknownModel):
        resolve(asked, ORDER)


def test_a_bare_model_of_two_ready_providers_is_refused_naming_both() -> None:
    with pytest.raises(AmbiguousModel, match=r"cc/shared, gh/shared"):
        resolve("shared", ORDER)


def test_a_bare_model_goes_to_the_one_provider_that_is_ready() -> None:
    snapshot = make_snapshot(make_provider("a", "shared", is_ready=False), make_provider("b", "shared"))
    assert names_of(resolve("shared", snapshot)) == ["b/shared"]


def test_the_route_says_what_was_asked_and_what_it_went_through() -> None:
    route = resolve("FAST", ORDER)
    assert (route.asked, route.alias, route.name, route.combo and route.combo.name) == (
        "FAST",
        "fast",
        "coding",
        "coding",
    )
    route = resolve("o3", ORDER)
    assert (route.asked, route.alias, route.name, route.combo) == ("o3", None, "o3", None)


NESTED = make_snapshot(
    *PROVIDERS,
    combos=[
        make_combo("outer", Target("inner", None, 30), Target("openai/gpt-5", None, 70), strategy=Strategy.WEIGHTED),
        make_combo("inner", "cc/claude-opus-4-6", "innermost", strategy=Strategy.RANDOM),
        make_combo("innermost", "gh/gpt-5.1-codex", "gone/model"),
        make_combo("circle", "openai/gpt-5", "circle-2"),
        make_combo("circle-2", "circle", "openai/o3"),
        make_combo("deep-1", "deep-2", "o3"),
        make_combo("deep-2", "deep-3"),
        make_combo("deep-3", "deep-4", "gh/gpt-5.1-codex"),
        make_combo("deep-4", "openai/o3"),
        make_combo("cc/shared", "cc/shared", "o3"),
        make_combo("empty", "gone/model", "innermost-gone"),
    ],
)


def test_combos_within_combos_stay_a_tree_with_strategies_and_weights_of_their_own() -> None:
    route = resolve("outer", NESTED)
    assert tree_of(route.steps)[0] == ["inner", "cc/claude-opus-4-6", ["innermost", "gh/gpt-5.1-codex"]]
    inner = route.steps[0]
    assert isinstance(inner, NestedRoute)
    assert (inner.combo.strategy, [step.weight for step in route.steps]) == (Strategy.RANDOM, [30, 70])


def test_a_tree_is_flattened_in_the_order_it_is_listed_in() -> None:
    assert names_of(resolve("inner", NESTED)) == ["cc/claude-opus-4-6", "gh/gpt-5.1-codex"]


def test_a_combo_that_names_itself_means_the_model_of_that_name() -> None:
    assert names_of(resolve("cc/shared", NESTED)) == ["cc/shared", "openai/o3"]


def test_a_circle_in_loaded_rows_ends() -> None:
    assert tree_of(resolve("circle", NESTED).steps) == ["openai/gpt-5", ["circle-2", "openai/o3"]]


def test_what_is_nested_too_deep_in_loaded_rows_is_left_out() -> None:
    assert tree_of(resolve("deep-1", NESTED).steps)[0] == ["deep-2", ["deep-3", "gh/gpt-5.1-codex"]]


def test_a_combo_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(EmptyCombo):
        resolve("empty", NESTED)


NAMES = st.sampled_from(["a", "b", "c", "d", "e", "openai/gpt-5", "o3", "gone"])


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=4), max_size=6), NAMES)
def test_any_rows_resolve_to_a_shallow_tree_or_are_refused(rows: dict[str, list[str]], asked: str) -> None:
    snapshot = make_snapshot(*PROVIDERS, combos=[make_combo(name, *targets) for name, targets in rows.items()])
    try:
        route = resolve(asked, snapshot)
    except Refusal:
        return
    assert route.targets
    assert depth_of(route.steps) <= DEEPEST


def depth_of(steps: tuple[Step, ...]) -> int:
    return 1 + max((depth_of(step.steps) for step in steps if isinstance(step, NestedRoute)), default=0)


CHAINS = make_snapshot(
    *PROVIDERS,
    chains=[
        make_chain("everyone", ["cc/claude-opus-4-6", "gone/model", "o3"]),
        make_chain("for-gpt", ["gh/gpt-5.1-codex"], "gpt-*"),
        make_chain("for-one", ["shared"], "o3"),
    ],
)


def models(steps: list[ResolvedTarget]) -> list[str]:
    return [step.target.model for step in steps]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("gpt-5", ["cc/claude-opus-4-6", "o3", "gh/gpt-5.1-codex"]),
        ("GPT-9", ["cc/claude-opus-4-6", "o3", "gh/gpt-5.1-codex"]),
        ("openai/gpt-5", ["cc/claude-opus-4-6", "o3"]),
        ("o3", ["cc/claude-opus-4-6", "o3"]),
    ],
)
def test_the_chains_of_a_name_follow_each_other_without_what_is_gone(asked: str, found: list[str]) -> None:
    assert models(chain_of(asked, CHAINS)) == found


def test_help_for_a_wrong_name_knows_combos_and_aliases() -> None:
    assert close_matches("codding", ORDER)[0] == "coding"
    assert close_matches("fastt", ORDER)[0] == "fast"


def big_snapshot() -> Snapshot:
    providers = [make_provider(f"p{n}", *(f"m{m}" for m in range(200))) for n in range(200)]
    combo = make_combo("all", *(f"p{n}/m{n}" for n in range(200)))
    return make_snapshot(*providers, combos=[combo], aliases={f"alias-{n}-*": "all" for n in range(200)})


def test_a_name_is_resolved_in_under_a_millisecond_however_much_there_is() -> None:
    snapshot = big_snapshot()
    for asked in ("all", "p7/m7", "alias-199-x"):
        assert least_seconds(resolve, asked, snapshot, rounds=5) < 0.001, asked
