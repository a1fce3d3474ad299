"""Job: the management API of combos and of the guide's ready-made ones.

Law: what a combo may hold is decided in `targets`; a field that is wrong is named as it is spelled on the wire, also
within a list (`models.2.weight`).
"""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router
from pydantic import AwareDatetime, BeforeValidator, Field, Strict

from combos import ready_made
from combos.models import Combo, ComboTarget
from combos.ready_made import READY_MADE
from combos.strategies import Strategy
from combos.targets import WrongTargets, save_combo
from providers.api_access import ApiRefusal, Missing, needs
from providers.api_bodies import UNCHANGED, Answer, Body, Deleted, Line, Name
from providers.models import ProviderConnection

router = Router(by_alias=True)

MOST_TARGETS = 1000

NamedStrategy = Annotated[Strategy, Strict(False)]
Retries = Annotated[int, Field(ge=0, le=10)]
DelayMs = Annotated[int, Field(ge=0, le=60_000)]
TimeoutMs = Annotated[int, Field(ge=1000, le=600_000)]
Concurrency = Annotated[int, Field(ge=1, le=1000)]
QueueMs = Annotated[int, Field(ge=0, le=600_000)]

CONFIG = {
    "max_retries": "max_retries",
    "retry_delay_ms": "retry_delay_ms",
    "timeout_ms": "timeout_ms",
    "concurrency_per_model": "concurrency_per_model",
    "queue_timeout_ms": "queue_timeout_ms",
    "health_check_enabled": "skips_unhealthy",
}
"""The API's names of a combo's figures, and the model's."""


class Config(Body):
    """A combo's own figures; null, or left out when it is made: the default's."""

    max_retries: Retries | None = None
    retry_delay_ms: DelayMs | None = None
    timeout_ms: TimeoutMs | None = None
    concurrency_per_model: Concurrency | None = None
    queue_timeout_ms: QueueMs | None = None
    health_check_enabled: bool | None = None
    """False: targets that are unhealthy are asked all the same."""


def _written_out(target: object) -> object:
    """A target may be its model alone."""
    return {"model": target} if isinstance(target, str) else target


class TargetBody(Body):
    model: Annotated[Line, Field(max_length=300)]
    weight: Annotated[int, Field(ge=0, le=100)] = 1
    connection_id: Annotated[UUID, Strict(False)] | None = None


Targets = Annotated[
    list[Annotated[TargetBody, BeforeValidator(_written_out)]], Field(min_length=1, max_length=MOST_TARGETS)
]


class NewCombo(Body):
    name: Name
    models: Targets
    strategy: NamedStrategy | None = None
    config: Config = Config()
    is_active: bool = True


class ComboChanges(Body):
    name: Name = UNCHANGED
    models: Targets = UNCHANGED
    strategy: NamedStrategy | None = None
    config: Config = UNCHANGED
    is_active: bool = UNCHANGED


class ShownTarget(Answer):
    model: str
    weight: int
    connection_id: UUID | None


class ShownConfig(Answer):
    max_retries: int | None
    retry_delay_ms: int | None
    timeout_ms: int | None
    concurrency_per_model: int | None
    queue_timeout_ms: int | None
    health_check_enabled: bool | None


class ShownCombo(Answer):
    id: UUID
    name: str
    models: list[ShownTarget]
    strategy: Strategy | None
    """Null: as the settings' defaults say."""
    config: ShownConfig
    is_active: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Combos(Answer):
    combos: list[ShownCombo]


def shown(row: Combo) -> ShownCombo:
    return ShownCombo(
        id=row.pk,
        name=row.name,
        models=[
            ShownTarget(model=target.model, weight=target.weight, connection_id=target.connection_id)
            for target in row.targets.all()
        ],
        strategy=Strategy(row.strategy) if row.strategy else None,
        config=ShownConfig(**{name: getattr(row, field) for name, field in CONFIG.items()}),
        is_active=row.is_enabled,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


@router.get("/combos", auth=needs("combos.view_combo"), response=Combos)
def list_combos(request: HttpRequest) -> Combos:
    return Combos(combos=[shown(row) for row in _rows()])


@router.post("/combos", auth=needs("combos.add_combo"), response={201: ShownCombo})
def add_combo(request: HttpRequest, body: NewCombo) -> ShownCombo:
    """A name for models, which clients use as the model. Each is a name, or {model, weight, connectionId}."""
    combo = Combo(name=body.name, strategy=body.strategy or "", is_enabled=body.is_active)
    _configure(combo, body.config)
    _save(combo, _targets(body.models))
    return shown(combo)


class ShownReadyMade(Answer):
    name: str
    purpose: str
    models: list[str]
    exists: bool
    """Whether there is a combo of this name already."""


class AllReadyMade(Answer):
    templates: list[ShownReadyMade]


class Wanted(Body):
    name: Line


@router.get("/combos/templates", auth=needs("combos.view_combo"), response=AllReadyMade)
def list_ready_made(request: HttpRequest) -> AllReadyMade:
    """The combos of the user guide."""
    existing = {*Combo.objects.filter(name__in=READY_MADE).values_list("name", flat=True)}
    return AllReadyMade(
        templates=[
            ShownReadyMade(
                name=each.name, purpose=str(each.purpose), models=list(each.models), exists=each.name in existing
            )
            for each in ready_made.ALL
        ]
    )


@router.post("/combos/templates", auth=needs("combos.add_combo"), response={201: ShownCombo})
def make_ready_made(request: HttpRequest, body: Wanted) -> ShownCombo:
    """One of the user guide's combos, to be changed like any other."""
    ready = READY_MADE.get(body.name)
    if ready is None:
        raise ApiRefusal(f"There is no template “{body.name}”. There are {', '.join(READY_MADE)}.", "name")
    try:
        return shown(ready_made.make(ready))
    except WrongTargets as wrong:
        raise ApiRefusal(str(wrong), "name") from None


@router.get("/combos/{uuid:combo_id}", auth=needs("combos.view_combo"), response=ShownCombo)
def show_combo(request: HttpRequest, combo_id: UUID) -> ShownCombo:
    return shown(_one(_rows(), combo_id))


@router.put("/combos/{uuid:combo_id}", auth=needs("combos.change_combo"), response=ShownCombo)
@transaction.atomic
def change_combo(request: HttpRequest, combo_id: UUID, body: ComboChanges) -> ShownCombo:
    """Set the fields that are sent, also within `config`; `models` are set as a whole."""
    combo = _one(Combo.objects.select_for_update(), combo_id)
    fields = body.model_fields_set
    combo.name = body.name if "name" in fields else combo.name
    combo.strategy = (body.strategy or "") if "strategy" in fields else combo.strategy
    combo.is_enabled = body.is_active if "is_active" in fields else combo.is_enabled
    if "config" in fields:
        _configure(combo, body.config)
    _save(combo, _targets(body.models) if "models" in fields else None)
    return shown(_one(_rows(), combo_id))


@router.delete("/combos/{uuid:combo_id}", auth=needs("combos.delete_combo"), response=Deleted)
def delete_combo(request: HttpRequest, combo_id: UUID) -> Deleted:
    """Forget the combo. Combos that name it go on without it."""
    _one(_rows(), combo_id).delete()
    return Deleted(deleted=str(combo_id))


def _rows() -> QuerySet[Combo]:
    return Combo.objects.prefetch_related("targets")


def _one(rows: QuerySet[Combo], combo_id: UUID) -> Combo:
    row = rows.filter(pk=combo_id).first()
    if row is None:
        raise Missing(f"There is no combo {combo_id}. GET /api/combos lists them.")
    return row


def _configure(combo: Combo, config: Config) -> None:
    for name, value in config.sent().items():
        setattr(combo, CONFIG[name], value)


def _targets(bodies: Sequence[TargetBody]) -> list[ComboTarget]:
    wanted = {body.connection_id for body in bodies if body.connection_id}
    connections = ProviderConnection.objects.in_bulk(wanted)
    return [_target(place, body, connections) for place, body in enumerate(bodies)]


def _target(place: int, body: TargetBody, connections: dict[Any, ProviderConnection]) -> ComboTarget:
    connection = connections.get(body.connection_id)
    if body.connection_id and connection is None:
        message = f"There is no connection {body.connection_id}. GET /api/providers lists them."
        raise ApiRefusal(message, f"models.{place}.connectionId")
    return ComboTarget(model=body.model, weight=body.weight, connection=connection)


def _save(combo: Combo, targets: Sequence[ComboTarget] | None) -> None:
    try:
        save_combo(combo, targets)
    except WrongTargets as wrong:
        place, fault = next(iter(wrong.faults.items()))
        field = next(iter(fault.message_dict))
        raise ApiRefusal(str(wrong), f"models.{place}.{WIRE.get(field, field)}") from None
    except ValidationError as invalid:
        if hasattr(invalid, "error_dict"):
            raise
        raise ApiRefusal(" ".join(invalid.messages), "models") from None


WIRE = {"connection": "connectionId"}
