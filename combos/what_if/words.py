"""Job: a "what if" in words: the question as a title, and everything its answer assumes.

Law: an assumption stands here if the answer could differ from what would really have happened because of it.
"""

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.figures import money
from billing.what_if.costs import Apart
from combos.strategies import Strategy
from combos.what_if.routes import MEASURES, strategies
from combos.what_if.simulation import Found, Prices, Scenario
from providers.snapshot import ProviderFacts
from providers.wording import Text

SHOWN = 5

WHY: Mapping[Apart, Text] = {
    Apart.WAS_UNKNOWN: gettext_lazy("what it cost was never known"),
    Apart.NO_PRICE: gettext_lazy("it has no price"),
    Apart.NOBODY: gettext_lazy("everybody who would have been asked failed in these requests"),
}

PRICES: Mapping[Prices, Text] = {
    Prices.RECORDED: gettext_lazy("at recorded prices"),
    Prices.TODAY: gettext_lazy("at today's prices"),
    Prices.DEFAULT: gettext_lazy("at the default list prices"),
}


def title_of(scenario: Scenario) -> str:
    """`Requests for gpt-* to groq/llama, without the prompt cache`."""
    parts = [_route(scenario)] if scenario.to or scenario.strategy else []
    if scenario.prices is not Prices.RECORDED:
        parts.append(str(PRICES[scenario.prices]))
    if scenario.sheet:
        number = len(scenario.sheet)
        parts.append(ngettext("%d price of your own", "%d prices of your own", number) % number)
    if scenario.without_cache:
        parts.append(_("without the prompt cache"))
    if scenario.at_list:
        parts.append(_("without subscriptions"))
    title = ", ".join(parts)
    return title[:1].upper() + title[1:]


def _route(scenario: Scenario) -> str:
    if scenario.strategy:
        return _("combo %(combo)s by %(strategy)s") % {"combo": scenario.for_combo, "strategy": scenario.strategy.value}
    if scenario.only:
        return _("requests for %(only)s to %(to)s") % {"only": scenario.only, "to": scenario.to}
    return _("everything to %(to)s") % {"to": scenario.to}


def assumptions_of(found: Found) -> list[str]:
    scenario = found.scenario
    said = [*_of_sample(found), *_of_tokens(found), *_of_failures(found), *_of_strategies(found)]
    return [*said, *_of_prices(scenario), *_of_billing(found), *_of_the_unanswered(found)]


def _of_sample(found: Found) -> Iterator[str]:
    if found.is_sampled:
        share = {
            "replayed": f"{found.replayed:,}",
            "all": f"{found.matching:,}",
            "share": f"{100 * found.replayed / found.matching:.2g}",
            "margin": money(found.margin),
        }
        yield (
            _(
                "%(replayed)s of %(all)s requests (%(share)s %%), spread evenly over the period, were replayed, and"
                " the sums scaled to all of them: the difference is right within %(margin)s, 19 times in 20."
                " “manage.py simulate” replays every one."
            )
            % share
        )


def _of_tokens(found: Found) -> Iterator[str]:
    if found.route is not None:
        yield _("Tokens are as they were recorded. Another model splits a text otherwise, and answers at other length.")
    if found.scenario.without_cache:
        yield _("No prompt was known to a vendor from before: every token of it costs what input costs.")
    elif found.route is not None:
        yield _(
            "The prompt cache hit as often as it did. After a move it is cold at first, and requests that are spread"
            " over several models hit it less: ask again without the cache for the other bound."
        )


def _of_failures(found: Found) -> Iterator[str]:
    if found.route is None:
        return
    if found.scenario.all_well:
        yield _("Nobody fails: the first in order answers every request.")
    else:
        yield _("Who failed in a request fails in it again, at the same cost; everybody else is well and has room.")
    if strangers := [each.name for each in _providers(found) if not each.connections]:
        yield _("Not connected now, but taken as if it were: %(names)s.") % {"names": _few(strangers)}


def _of_strategies(found: Found) -> Iterator[str]:
    deciding = set(strategies(found.route, found.scenario.strategy)) if found.route else set()
    if deciding & {Strategy.RANDOM, Strategy.WEIGHTED, Strategy.P2C}:
        yield _("Chance is drawn anew, the same draws each time; a conversation does not stay with its model.")
    if deciding & {Strategy.ROUND_ROBIN, Strategy.LEAST_USED}:
        yield _("Turns and uses are counted from the first request on; a conversation does not stay with its model.")
    if deciding & MEASURES:
        yield _(
            "How quick a model is, is its average until the first word in the period; for “fastest”, what was not"
            " measured comes last."
        )
    if Strategy.COST_OPTIMIZED in deciding:
        yield _("“Cost optimized” goes by the price of input alone, as the gateway does.")


def _of_prices(scenario: Scenario) -> Iterator[str]:
    if scenario.prices is Prices.RECORDED:
        yield _("What stays where it was keeps its recorded cost; what goes elsewhere is priced as of today.")
    if scenario.prices is Prices.TODAY:
        yield _("Every call is priced as of today, also where the vendor told its own figure.")
    if scenario.prices is Prices.DEFAULT:
        yield _("Every call is priced as of today; where an operator entered a price, the catalogue's holds, if any.")
    if scenario.sheet:
        yield _("Models that your prices name cost what these say; all others cost what is said above.")


def _of_billing(found: Found) -> Iterator[str]:
    if found.scenario.at_list:
        yield _("Flat-rate connections cost what their tokens cost by the list.")
        return
    yield _("Through a flat-rate connection a request costs nothing; what the plan itself costs is in no sum.")
    mixed = [each.name for each in _providers(found) if len({one.is_flat for one in each.connections}) > 1]
    if mixed:
        yield _("Some connections are flat and some are not; the first one counts: %(names)s.") % {"names": _few(mixed)}


def _of_the_unanswered(found: Found) -> Iterator[str]:
    number = found.scaled(found.tally.unanswered)
    if number and found.route is not None:
        yield (
            ngettext(
                "%d request that nobody answered stays as it is: there are no tokens to replay.",
                "%d requests that nobody answered stay as they are: there are no tokens to replay.",
                number,
            )
            % number
        )


def _providers(found: Found) -> list[ProviderFacts]:
    if found.route is None:
        return []
    return list({target.provider.slug: target.provider for target in found.route.targets}.values())


def _few(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" +{more}" if more > 0 else "")
