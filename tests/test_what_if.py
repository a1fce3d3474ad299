"""What recorded requests would have cost: computed by hand, and laws that hold of any requests."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import dollars, units
from billing.prices.cost import Price, cost, saved_by_cache
from billing.prices.table import completed
from billing.snapshot import Books
from billing.what_if import price_sheet
from billing.what_if.costs import Apart, Call, Request, Rules, Stop, Tally, Unfit
from combos.resolver import resolve
from combos.snapshot import Snapshot, Target
from combos.strategies import Strategy
from combos.what_if.routes import Replayer
from tests.routing import make_chain, make_combo, make_provider, make_snapshot
from translator.usage import Usage

DAY = date(2026, 11, 1)
LARGE, SMALL, OTHER = ("one", "large"), ("two", "small"), ("three", "other")


def price(input: str, output: str, **further: str) -> Price:
    own = {name: Decimal(each) for name, each in {"input": input, "output": output, **further}.items()}
    per_request = own.pop("per_request", Decimal(0))
    return Price(**completed(own), per_request=per_request, source="operator")


Prices = dict[tuple[str, str], Price]
PRICES: Prices = {
    LARGE: price("3", "15", cache_read="0.3", cache_write="3.75"),
    SMALL: price("0.27", "1.1", cache_read="0.07"),
    OTHER: price("10", "30"),
}


def call(
    target: tuple[str, str],
    usage: Usage,
    prices: Prices = PRICES,
    is_flat: bool = False,
    is_known: bool = True,
) -> Call:
    """As the ledger would have recorded it."""
    if not is_known:
        return Call(*target, usage, 0, 0, 0, False)
    listed = units(cost(usage, prices[target]))
    return Call(*target, usage, 0 if is_flat else listed, listed, units(saved_by_cache(usage, prices[target])))


def request(*calls: Call, asked: str = "one/large", combo: str = "", day: date = DAY) -> Request:
    return Request(day, asked, combo, calls)


def tally(requests: Iterable[Request], rules: Rules, *stops: Stop) -> Tally:
    found = Tally()
    for each in requests:
        found.add(each, rules, (lambda request: stops) if stops else (lambda request: None))
    return found


USED = Usage(uncached_input=1234, cache_read=567, cache_write=89, output=321)
FAILED = Usage(uncached_input=1000, output=10)


def test_another_model_costs_its_own_prices_to_the_last_digit() -> None:
    found = tally([request(call(LARGE, USED))], Rules(PRICES), Stop(*SMALL))
    # 1234 * 3 + 567 * 0.3 + 89 * 3.75 + 321 * 15 = 3702 + 170.1 + 333.75 + 4815 millionths
    assert dollars(found.total.before.cost) == Decimal("0.0090208500")
    # 1234 * 0.27 + 567 * 0.07 + 89 * 0.27 + 321 * 1.1 = 333.18 + 39.69 + 24.03 + 353.1 millionths
    assert dollars(found.total.after.cost) == Decimal("0.0007500000")
    assert found.by_model[LARGE].after.requests == 0
    assert found.by_model[SMALL].after.requests == found.rerouted == 1


def test_each_call_is_rounded_as_the_ledger_does() -> None:
    tiny = {LARGE: price("0.0005", "0"), SMALL: price("0.0007", "0")}
    one_token = request(call(LARGE, Usage(uncached_input=1), tiny))
    found = tally([one_token] * 3, Rules(tiny), Stop(*SMALL))
    # 5e-10 and 7e-10 each: nothing is lost between the calls
    assert (found.total.before.cost, found.total.after.cost) == (15, 21)


def test_the_price_for_long_prompts_holds_elsewhere_too() -> None:
    dear = price("2", "4")
    tiered = {**PRICES, SMALL: replace(price("1", "2"), tiers=((1889, dear),))}
    found = tally([request(call(LARGE, USED))], Rules(tiered), Stop(*SMALL))
    # its prompt has 1890 tokens: 1890 * 2 + 321 * 4 millionths
    assert dollars(found.total.after.cost) == Decimal("0.0050640000")


def test_a_flat_connection_costs_nothing_and_its_list_price_is_told() -> None:
    found = tally([request(call(LARGE, USED))], Rules(PRICES), Stop(*SMALL, is_flat=True))
    assert (found.total.after.cost, dollars(found.total.after.list_cost)) == (0, Decimal("0.0007500000"))


def test_without_subscriptions_everything_costs_its_list_price() -> None:
    found = tally([request(call(LARGE, USED, is_flat=True))], Rules(PRICES, at_list=True))
    assert (found.total.before.cost, dollars(found.total.after.cost)) == (0, Decimal("0.0090208500"))


def test_without_the_cache_each_prompt_token_costs_what_input_costs() -> None:
    found = tally([request(call(LARGE, USED))], Rules(PRICES, without_cache=True))
    # 1890 * 3 + 321 * 15 millionths
    assert dollars(found.total.after.cost) == Decimal("0.0104850000")
    elsewhere = tally([request(call(LARGE, USED))], Rules(PRICES, without_cache=True), Stop(*SMALL))
    # 1890 * 0.27 + 321 * 1.1 millionths
    assert dollars(elsewhere.total.after.cost) == Decimal("0.0008634000")


def test_other_prices_hold_for_the_models_they_name_and_for_no_other() -> None:
    halved = {**PRICES, LARGE: price("1.5", "7.5")}
    calls = [request(call(LARGE, FAILED)), request(call(OTHER, FAILED))]
    found = tally(calls, Rules(halved, anew=frozenset({LARGE})))
    assert dollars(found.by_model[LARGE].before.cost) == Decimal("0.00315")
    assert dollars(found.by_model[LARGE].after.cost) == Decimal("0.001575")
    assert found.by_model[OTHER].before == found.by_model[OTHER].after


def test_who_failed_fails_again_and_its_call_costs_what_it_cost() -> None:
    fell_back = request(call(LARGE, FAILED), call(SMALL, USED))
    found = tally([fell_back], Rules(PRICES), Stop(*LARGE), Stop(*OTHER), Stop(*SMALL))
    failed, answered = cost(FAILED, PRICES[LARGE]), cost(USED, PRICES[OTHER])
    assert dollars(found.total.after.cost) == failed + answered
    assert found.by_model[OTHER].after.requests == 1


def test_where_nobody_fails_the_first_answers() -> None:
    fell_back = request(call(LARGE, FAILED), call(SMALL, USED))
    found = tally([fell_back], Rules(PRICES, all_well=True), Stop(*LARGE), Stop(*SMALL))
    assert dollars(found.total.after.cost) == cost(USED, PRICES[LARGE])


def test_a_second_connection_of_the_model_that_failed_still_answers() -> None:
    retried = request(call(LARGE, FAILED), call(LARGE, USED))
    found = tally([retried], Rules(PRICES), Stop(*LARGE), Stop(*SMALL))
    assert found.total.after == found.total.before


def test_a_price_that_nobody_knows_is_set_apart_and_never_nothing() -> None:
    nowhere = ("two", "unpriced")
    found = tally([request(call(LARGE, USED)), request(call(SMALL, USED))], Rules(PRICES), Stop(*nowhere))
    assert found.total.before.requests == found.total.after.cost == found.total.before.cost == 0
    apart = found.apart[Apart.NO_PRICE, nowhere]
    assert (apart.requests, apart.tokens) == (2, 2 * 2211)
    assert dollars(apart.cost) == cost(USED, PRICES[LARGE]) + cost(USED, PRICES[SMALL])


def test_a_cost_that_was_never_known_is_set_apart() -> None:
    found = tally([request(call(LARGE, USED, is_known=False))], Rules(PRICES), Stop(*SMALL))
    assert list(found.apart) == [(Apart.WAS_UNKNOWN, LARGE)]
    assert found.total.after.requests == 0


def test_a_flat_connection_needs_no_price() -> None:
    found = tally([request(call(LARGE, USED))], Rules({}), Stop("own", "llama", is_flat=True))
    assert (found.total.after.requests, found.total.after.cost, found.apart) == (1, 0, {})


def test_a_request_whose_whole_order_failed_is_set_apart() -> None:
    fell_back = request(call(LARGE, FAILED), call(SMALL, USED))
    found = tally([fell_back], Rules(PRICES), Stop(*LARGE))
    assert list(found.apart) == [(Apart.NOBODY, SMALL)]


def test_what_nobody_answered_stays_as_it_is() -> None:
    refused, in_vain = request(), request(call(LARGE, Usage()))
    found = tally([refused, in_vain], Rules(PRICES), Stop(*SMALL))
    assert (found.unanswered, found.rerouted, found.total.after.requests) == (2, 0, 2)


# Laws.

tokens = st.integers(0, 200_000)
usages = st.builds(Usage, uncached_input=tokens, cache_read=tokens, cache_write=tokens, output=st.integers(1, 50_000))
targets = st.sampled_from([LARGE, SMALL, OTHER])
calls = st.builds(call, targets, usages, is_flat=st.booleans())
requests = st.lists(
    st.lists(calls, max_size=3, unique_by=lambda each: each.target).map(lambda made: request(*made)), max_size=8
)


@given(requests)
def test_the_same_order_at_recorded_prices_gives_what_was_recorded(made: list[Request]) -> None:
    found = Tally()
    for each in made:
        order = [Stop(*one.target) for one in each.calls]
        found.add(each, Rules({}), lambda request, order=order: order)
    assert found.total.before == found.total.after
    assert found.total.before.cost == sum(one.cost for each in made for one in each.calls)
    assert found.apart == {}


@given(requests)
def test_days_models_and_names_each_add_up_to_the_whole(made: list[Request]) -> None:
    found = tally(made, Rules(PRICES), Stop(*SMALL), Stop(*OTHER), Stop(*LARGE))
    for pairs in (found.by_day, found.by_model, found.by_asked):
        for side in ("before", "after"):
            parts = [getattr(pair, side) for pair in pairs.values()]
            whole = getattr(found.total, side)
            assert sum(each.cost for each in parts) == whole.cost
            assert sum(each.list_cost for each in parts) == whole.list_cost
            assert sum(each.tokens for each in parts) == whole.tokens
    apart = sum(each.requests for each in found.apart.values())
    assert found.total.before.requests + apart == len(made) == found.replayed


@given(requests)
def test_dropping_the_cache_twice_is_dropping_it_once(made: list[Request]) -> None:
    rules = Rules(PRICES, anew=None, without_cache=True)
    once = tally(made, rules)
    stripped = [request(*map(without_cache, each.calls)) for each in made]
    assert tally(stripped, rules).total.after == once.total.after


def without_cache(made: Call) -> Call:
    return call(made.target, Usage(uncached_input=made.usage.input, output=made.usage.output), is_flat=made.is_flat)


amounts = st.decimals(0, 100, places=4)


@given(st.lists(usages, min_size=1, max_size=8), amounts, amounts, amounts, amounts)
def test_cost_optimized_is_never_dearer_than_either_where_one_is_cheaper_in_everything(
    used: list[Usage], input: Decimal, output: Decimal, more_input: Decimal, more_output: Decimal
) -> None:
    dear_input = input + more_input + Decimal("0.0001")
    prices = {LARGE: price(str(dear_input), str(output + more_output)), SMALL: price(str(input), str(output))}
    known = world(prices)
    made = [request(call(LARGE, each, prices)) for each in used]
    after = {
        strategy: along(made, known, "both", strategy).total.after.cost
        for strategy in (Strategy.COST_OPTIMIZED, Strategy.PRIORITY, Strategy.ROUND_ROBIN)
    }
    assert after[Strategy.COST_OPTIMIZED] <= min(after.values())
    assert after[Strategy.COST_OPTIMIZED] == sum(units(cost(each, prices[SMALL])) for each in used)


# Routes.


def world(prices: dict[tuple[str, str], Price] = PRICES, **options: Any) -> Snapshot:
    combos = [
        make_combo("both", "one/large", "two/small"),
        make_combo("all", "both", Target("three/other", weight=3)),
    ]
    providers = [make_provider(*target) for target in (LARGE, SMALL, OTHER)]
    return replace(make_snapshot(*providers, combos=combos, **options), books=Books({}, prices))


def along(made: list[Request], known: Snapshot, name: str, strategy: Strategy | None = None) -> Tally:
    rules = Rules(known.books.prices)
    replayer = Replayer(resolve(name, known), strategy, rules, {})
    found = Tally()
    for each in made:
        found.add(each, rules, lambda request: replayer.stops())
    return found


def firsts(strategy: Strategy, number: int, name: str = "both", latencies: Any = None) -> list[str]:
    known = world()
    replayer = Replayer(resolve(name, known), strategy, Rules(PRICES), latencies or {})
    return [replayer.stops()[0].provider for _ in range(number)]


def test_round_robin_takes_turns_from_the_first_on() -> None:
    assert firsts(Strategy.ROUND_ROBIN, 4) == ["one", "two", "one", "two"]


def test_least_used_spreads_evenly() -> None:
    assert sorted(firsts(Strategy.LEAST_USED, 10)) == ["one"] * 5 + ["two"] * 5


def test_cost_optimized_takes_the_cheapest_input() -> None:
    assert firsts(Strategy.COST_OPTIMIZED, 2) == ["two", "two"]


def test_fastest_goes_by_what_the_period_measured_and_the_unmeasured_last() -> None:
    assert firsts(Strategy.FASTEST, 2, latencies={SMALL: 900.0}) == ["two", "two"]
    assert firsts(Strategy.FASTEST, 1, latencies={SMALL: 900.0, LARGE: 300.0}) == ["one"]


@pytest.mark.parametrize("strategy", [Strategy.RANDOM, Strategy.P2C, Strategy.WEIGHTED])
def test_chance_is_the_same_each_time(strategy: Strategy) -> None:
    assert firsts(strategy, 50, "all") == firsts(strategy, 50, "all")
    assert len(set(firsts(strategy, 50, "all"))) > 1


def test_weights_are_kept_over_many_requests() -> None:
    drawn = firsts(Strategy.WEIGHTED, 4000, "all")
    assert 0.72 < drawn.count("three") / len(drawn) < 0.78


def test_a_chain_stands_behind_the_route() -> None:
    known = world(chains=[make_chain("last", ["three/other"])])
    replayer = Replayer(resolve("both", known), None, Rules(PRICES), {})
    assert [stop.provider for stop in replayer.stops()] == ["one", "two", "three"]


def test_the_same_combo_gives_exactly_what_was_recorded_also_where_it_fell_back() -> None:
    made = [request(call(LARGE, USED)), request(call(LARGE, FAILED), call(SMALL, USED))]
    found = along(made, world({}), "both")
    assert found.total.after == found.total.before
    assert found.rerouted == 0


# Price sheets.


def test_a_sheet_may_be_csv_or_json_and_says_the_same() -> None:
    csv = "provider,model,input,output,cache_read\none,large,3,15,0.3\ntwo,small,0.27,1.1,\n"
    large, small = {"input": 3, "output": "15", "cached": 0.3}, {"input": 0.27, "output": 1.1}
    nested = {"one": {"large": large}, "two": {"small": small}}
    listed = [{"provider": "one", "model": "large", **large}, {"provider": "two", "model": "small", **small}]
    rows = price_sheet.read("\ufeff" + csv)
    assert rows == price_sheet.read(json.dumps(nested)) == price_sheet.read(json.dumps(listed))
    assert (rows[0].price.cache_read, rows[1].price.cache_read) == (Decimal("0.3"), Decimal("0.27"))


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ("", "There is no price in it"),
        ("provider,model,input,output\n", "There is no price in it"),
        ("provider,model,input,output\none,large,-1,2", "line 2: “-1” is no price of input"),
        ("provider,model,input,output\none,large,NaN,2", "line 2: “NaN” is no price of input"),
        ("provider,model,input,output\none,large,1,Infinity", "line 2: “Infinity” is no price of output"),
        ("provider,model,input,output\none,large,1,1e400", "line 2: “1e400” is no price of output"),
        ("provider,model,input,output\none,large,1", "line 2: it needs a price of output"),
        ("provider,model,input,output\none,,1,1", "line 2: it needs a provider and a model"),
        ("provider,model,inptu,output\none,large,1,1", "no column “inptu”"),
        ("provider,model,input,output\none,large,1,1,9", "line 2: it has more values"),
        ('provider,model,input,output\n"one,large', "line"),
        ("{", "not valid JSON"),
        ("[1]", "should be an object"),
        ('{"one": 5}', "should be an object"),
        ('{"one": {"large": {"input": true, "output": 1}}}', "one/large: “True” is no price of input"),
        ('{"one": {"large": {"input": [1], "output": 1}}}', "one/large: “[1]” is no price of input"),
        ("[" * 100_000, "not valid JSON"),
    ],
)  # fmt: skip
def test_a_wrong_sheet_is_refused_with_its_place(sheet: str, said: str) -> None:
    with pytest.raises(Unfit, match=re.escape(said)) as refused:
        price_sheet.read(sheet)
    assert refused.value.field == "sheet"
