"""Job: the management API that shows how routing works: explained, rehearsed, and summed up.

Law: explaining sends nothing and takes no turn. What is found out comes from the gateway of this process, which every
worker that serves this API has.
"""

from dataclasses import replace
from typing import Annotated, Any, TypeVar
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from pydantic import ConfigDict, Field, Strict

from billing.models import ApiKey
from combos import runtime
from combos.gateway import Gateway
from combos.models import Combo
from combos.refusals import Refusal
from combos.resolver import resolve
from combos.strategies import Strategy
from combos.watch import explain, metrics, rehearsal
from combos.watch.explain import Explained, Explanation
from combos.watch.metrics import Figures, Metrics
from combos.watch.rehearsal import Result
from providers.api_access import ApiRefusal, Missing, needs
from providers.api_bodies import Answer, Body, Line

router = Router(by_alias=True)

Found = TypeVar("Found")


class NotNow(ApiRefusal):
    status = 503
    code = "not_serving"


def from_gateway(ask: Any, seconds: float) -> Any:
    """What `ask` found out. Raises ApiRefusal."""
    try:
        return runtime.from_thread(ask, seconds)
    except runtime.NotServing:
        raise NotNow("This process serves no requests yet. Send one to /v1, then ask again.") from None
    except TimeoutError:
        raise NotNow(f"It took longer than {seconds:.0f} s.") from None
    except Refusal as refusal:
        raise _as_ours(refusal) from None


def _as_ours(refusal: Refusal) -> ApiRefusal:
    kind = Missing if refusal.status == 404 else ApiRefusal
    return kind(refusal.message, refusal.param or "model")


# Explain.


class AskedBody(Body):
    """A request as a client would send it, in any dialect; its model alone will do."""

    model_config = ConfigDict(extra="allow", str_max_length=50_000_000)

    model: Annotated[Line, Field(max_length=1000)]
    key_id: Annotated[UUID, Strict(False)] | None = None
    """As whom to ask: only what this key may use is told."""


class ShownScore(Answer):
    total: float
    parts: dict[str, float]


class ShownCandidate(Answer):
    position: int | None
    """When it would be asked, from 1; null: not at all."""
    target: str
    provider: str
    model: str
    connection: str | None
    combo: str | None
    why: str
    state: explain.State
    reason: str | None
    retry_after_seconds: float | None
    score: ShownScore | None


class ShownExplanation(Answer):
    asked: str
    alias: str | None
    """The pattern of the alias that applied."""
    resolved: str
    combo: str | None
    strategy: Strategy | None
    order: list[ShownCandidate]
    """Those that would be asked, in order."""
    skipped: list[ShownCandidate]
    fallback_chains: list[str]
    left_out: int


def shown_candidate(each: Explained) -> ShownCandidate:
    score = ShownScore(total=each.score.total, parts=dict(each.score.parts)) if each.score else None
    return ShownCandidate(
        position=each.position,
        target=each.target,
        provider=each.provider,
        model=each.model,
        connection=each.connection or None,
        combo=each.combo or None,
        why=each.why,
        state=each.state,
        reason=each.reason or None,
        retry_after_seconds=None if each.seconds is None else round(each.seconds, 1),
        score=score,
    )


def shown_explanation(found: Explanation) -> ShownExplanation:
    route, candidates = found.route, [shown_candidate(each) for each in found.candidates]
    return ShownExplanation(
        asked=route.asked,
        alias=route.alias,
        resolved=route.name,
        combo=route.combo.name if route.combo else None,
        strategy=route.combo.strategy if route.combo else None,
        order=[each for each in candidates if each.position is not None],
        skipped=[each for each in candidates if each.position is None],
        fallback_chains=list(found.chains),
        left_out=found.left_out,
    )


@router.post("/routes/explain", auth=needs("combos.view_combo"), response=ShownExplanation)
def explain_route(request: HttpRequest, body: AskedBody) -> ShownExplanation:
    """In which order this request would be tried now, and why whoever is passed over is. Nothing is sent."""
    if body.key_id and not ApiKey.objects.visible_to(request.user).filter(pk=body.key_id).exists():
        raise Missing(f"There is no API key {body.key_id} among those you may see.", "keyId")
    asked = explain.asked_for(body.model, body.model_dump(by_alias=True, exclude={"key_id"}))

    def explained(gateway: Gateway) -> Any:
        return explain.explain(replace(asked, key=explain.key_of(body.key_id, gateway)), gateway)

    found: Explanation = from_gateway(explained, explain.SECONDS)
    return shown_explanation(found)


# Rehearsals.


class WhichCombo(Body):
    combo_name: Line


class ShownResult(Answer):
    model: str
    status: str
    """`ok` or `error`."""
    status_code: int | None
    error: str | None
    latency_ms: int


class ShownRehearsal(Answer):
    combo_name: str
    resolved_by: str | None
    """The first that answered, in the order in which they would be asked."""
    results: list[ShownResult]


@router.post("/combos/test", auth=needs("combos.change_combo"), response=ShownRehearsal)
def rehearse_combo(request: HttpRequest, body: WhichCombo) -> ShownRehearsal:
    """Ask each target "Hi" for at most 5 tokens. These are requests like any other, and cost the same."""

    async def ask(gateway: Gateway) -> list[Result]:
        route = resolve(body.combo_name, gateway.keeper.current)
        if route.combo is None:
            raise Missing(f"There is no combo “{body.combo_name}” that is enabled.", "comboName")
        return await rehearsal.rehearse(route, gateway)

    results: list[Result] = from_gateway(ask, rehearsal.SECONDS)
    return ShownRehearsal(
        combo_name=body.combo_name,
        resolved_by=next((each.model for each in results if each.is_ok), None),
        results=[_shown_result(each) for each in results],
    )


def _shown_result(each: Result) -> ShownResult:
    word = "ok" if each.is_ok else "error"
    return ShownResult(
        model=each.model, status=word, status_code=each.status, error=each.error or None, latency_ms=each.milliseconds
    )


# Figures.


class ShownFigures(Answer):
    requests: int
    successes: int
    success_rate: float | None
    fallbacks: int
    fallback_rate: float | None
    avg_latency_ms: float | None


class ShownMetrics(ShownFigures):
    combo: str
    since: str | None
    by_model: dict[str, ShownFigures]


class AllMetrics(Answer):
    metrics: list[ShownMetrics]


def _figures(of: Figures) -> dict[str, Any]:
    return {
        "requests": of.requests,
        "successes": of.successes,
        "success_rate": of.success_rate,
        "fallbacks": of.fallbacks,
        "fallback_rate": of.fallback_rate,
        "avg_latency_ms": None if of.average_ms is None else round(float(of.average_ms), 1),
    }


def _shown_metrics(found: Metrics) -> ShownMetrics:
    by_model = {model: ShownFigures(**_figures(figures)) for model, figures in found.by_model.items()}
    since = found.since.isoformat() if found.since else None
    return ShownMetrics(combo=found.combo, since=since, by_model=by_model, **_figures(found.total))


@router.get("/combos/metrics", auth=needs("combos.view_combo"), response=AllMetrics)
def show_metrics(request: HttpRequest, combo: str | None = None) -> AllMetrics:
    """Requests, successes, fallbacks and time of one combo, or of each. Requests whose client hung up do not count."""
    return AllMetrics(metrics=[_shown_metrics(metrics.of(row)) for row in _combos(combo)])


@router.delete("/combos/metrics", auth=needs("combos.change_combo"), response=AllMetrics)
def forget_metrics(request: HttpRequest, combo: str | None = None) -> AllMetrics:
    """Count from now on. The requests themselves stay where they are."""
    metrics.begin_anew(_combos(combo))
    return show_metrics(request, combo)


def _combos(name: str | None) -> list[Combo]:
    if name is None:
        return list(Combo.objects.order_by("name"))
    row = Combo.objects.filter(name=name).first()
    if row is None:
        raise Missing(f"There is no combo “{name}”. GET /api/combos lists them.", "combo")
    return [row]
