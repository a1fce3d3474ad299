"""The list of models, in the shape its client knows: OpenAI's, Anthropic's, Gemini's or Ollama's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billing.api_keys.facts import KeyFacts
from billing.calendar import now
from combos import runtime
from combos.admission import admit
from combos.permissions import close_to, may_ask, may_list
from combos.refusals import UnknownModel, WrongKey
from combos.snapshot import Snapshot
from translator.dialect import Dialect

STARTED = datetime.now(UTC)
"""Models have no date of their own here; some clients want one."""
OUTPUT_TOKENS = 65_536
"""Said of models of which nothing is known, where a client wants a number."""
INPUT_TOKENS = 128_000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that a request may name right now. A combo's `owner` is "combo", an alias' "alias"."""

    id: str
    name: str
    owner: str
    kind: str = "chat"
    context_window: int | None = None


async def all_models(meta: Mapping[str, str]) -> list[Listed]:
    """Combos first, then the models of connected providers, as far as the key may use them. Raises Refusal."""
    return list(_listed(*await _seen(meta)))


async def one_model(meta: Mapping[str, str], id: str) -> Listed:
    """Raises Refusal: UnknownModel also for one that the key may not use."""
    snapshot, key = await _seen(meta)
    found = next((model for model in _listed(snapshot, key) if model.id == id), None)
    if found is None:
        raise UnknownModel(id, close_to(key, id, snapshot))
    return found


async def _seen(meta: Mapping[str, str]) -> tuple[Snapshot, KeyFacts | None]:
    """For who may see which models there are. Raises Refusal."""
    gateway = await runtime.gateway()
    snapshot, key = gateway.keeper.current, admit(meta, gateway, now())
    if snapshot.limits.models_need_key and key is None:
        raise WrongKey
    return snapshot, key


def _listed(snapshot: Snapshot, key: KeyFacts | None) -> Iterable[Listed]:
    for name in snapshot.combos:
        if may_ask(key, name, snapshot):
            yield Listed(name, name, "combo")
    for alias in snapshot.aliases.exact.values():
        if may_ask(key, alias.pattern, snapshot):
            yield Listed(alias.pattern, alias.pattern, "alias")
    for facts in snapshot.directory.all():
        if not facts.is_ready():
            continue
        for model in facts.models.values():
            if model.kind == "chat" and facts.speaks(model) and may_list(key, facts, model, snapshot):
                yield Listed(f"{facts.prefix}/{model.id}", model.name, facts.slug, model.kind, model.context_window)


def dialect_of(meta: Mapping[str, str]) -> Dialect:
    """Whose list a client expects at a path that several share: its SDK's headers say."""
    if "HTTP_ANTHROPIC_VERSION" in meta:
        return Dialect.CLAUDE
    if "HTTP_X_GOOG_API_KEY" in meta or "HTTP_X_GOOG_API_CLIENT" in meta:
        return Dialect.GEMINI
    return Dialect.OPENAI


def page(dialect: Dialect, models: list[Listed]) -> Json:
    """All of them, in one page."""
    entries = [entry(dialect, model) for model in models]
    match dialect:
        case Dialect.CLAUDE:
            first, last = (models[0].id, models[-1].id) if models else (None, None)
            return {"data": entries, "has_more": False, "first_id": first, "last_id": last}
        case Dialect.GEMINI | Dialect.OLLAMA:
            return {"models": entries}
    return {"object": "list", "data": entries}


def entry(dialect: Dialect, model: Listed) -> Json:
    return _SHAPES[dialect](model)


def _openai(model: Listed) -> Json:
    return {
        "id": model.id,
        "object": "model",
        "created": int(STARTED.timestamp()),
        "owned_by": model.owner,
        "type": model.kind,
        "context_window": model.context_window,
    }


def _claude(model: Listed) -> Json:
    return {"type": "model", "id": model.id, "display_name": model.name, "created_at": _moment()}


def _gemini(model: Listed) -> Json:
    return {
        "name": f"models/{model.id}",
        "version": "1",
        "displayName": model.name,
        "description": f"{model.name} through {model.owner}",
        "inputTokenLimit": model.context_window or INPUT_TOKENS,
        "outputTokenLimit": OUTPUT_TOKENS,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    }


def _ollama(model: Listed) -> Json:
    details = {"parent_model": "", "format": "", "family": model.owner, "families": [model.owner]}
    size = {"parameter_size": "", "quantization_level": ""}
    return {
        "name": model.id,
        "model": model.id,
        "modified_at": _moment(),
        "size": 0,
        "digest": "",
        "details": details | size,
    }


def _moment() -> str:
    return STARTED.strftime("%Y-%m-%dT%H:%M:%SZ")


_SHAPES = {
    Dialect.OPENAI: _openai,
    Dialect.RESPONSES: _openai,
    Dialect.CLAUDE: _claude,
    Dialect.GEMINI: _gemini,
    Dialect.OLLAMA: _ollama,
}
