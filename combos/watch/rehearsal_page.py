"""Job: the page of a combo's Test button: what it will do, then what each target said.

Law: the question is told before anything is sent, and what is sent goes by a POST from there.
"""

from typing import Any

from django.utils.translation import gettext

from combos import runtime
from combos.gateway import Gateway
from combos.models import Combo
from combos.refusals import Refusal
from combos.resolver import resolve
from combos.watch import rehearsal
from combos.watch.explain_page import NOT_SERVING
from combos.watch.rehearsal import Result


class NotThisCombo(Exception):
    """Requests for the name do not reach it: it is disabled, or an alias takes the name."""


def results(combo: Combo) -> dict[str, Any]:
    """What the template needs: each target's answer, or why nobody was asked."""
    try:
        found = _rehearsed(combo)
    except NotThisCombo:
        trouble = gettext("Requests for “%(name)s” do not reach this combo: it is disabled, or an alias has its name.")
        return {"trouble": trouble % {"name": combo.name}}
    except runtime.NotServing:
        return {"trouble": NOT_SERVING}
    except TimeoutError:
        return {"trouble": gettext("It took longer than %(seconds)d s.") % {"seconds": rehearsal.SECONDS}}
    except Refusal as refusal:
        return {"trouble": refusal.message}
    return {"results": found, "first": next((each for each in found if each.is_ok), None)}


def _rehearsed(combo: Combo) -> list[Result]:
    async def ask(gateway: Gateway) -> list[Result]:
        route = resolve(combo.name, gateway.keeper.current)
        if route.combo is None or route.combo.name != combo.name:
            raise NotThisCombo
        return await rehearsal.rehearse(route, gateway)

    found: list[Result] = runtime.from_thread(ask, rehearsal.SECONDS)
    return found
