"""Which candidate a conversation had last: the vendor may still have its prompt in a cache, which is far cheaper.

A preference, never a pin. While that candidate is limited or resting the request goes elsewhere and the conversation
returns later; once it is gone or switched off, the conversation is bound to whoever answers. A conversation is known by
the session its client names, else by how it began. A request that begins one is nobody's continuation, so it is placed
by the strategy even when it begins like another.
"""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from health.health import Health
from translator.dialect import ClientRequest, Dialect

SESSION_HEADERS = ("HTTP_X_OMNIROUTE_SESSION", "HTTP_X_SESSION_ID", "HTTP_SESSION_ID", "HTTP_CONVERSATION_ID")
"""OmniRoute's own, the common one, and Codex's two."""
MOST_CONVERSATIONS = 20_000
CHARACTERS_OF_BEGINNING = 2000

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    key: str
    is_continued: bool
    """Whether it had an answer before this request."""


@dataclass(frozen=True, slots=True)
class Bound:
    connection: UUID
    provider: str
    model: str


def named_by(meta: Mapping[str, str]) -> str:
    """The session that a request's headers name, or "". `meta` is Django's `request.META`."""
    return next((name for header in SESSION_HEADERS if (name := meta.get(header))), "")


def conversation_of(asked: ClientRequest, owner: str, session: str) -> Conversation | None:
    """None where the body has no turns to tell by."""
    named = session or _session_in(asked)
    if named:
        return Conversation(_key(owner, asked.model, named), is_continued=True)
    turns = _turns(asked)
    began = next((turn for turn in turns if turn.get("role") == "user"), None)
    if began is None:
        return None
    key = _key(owner, asked.model, _beginning(asked.body.value.get("system")), _beginning(began))
    return Conversation(key, is_continued=any(map(_is_an_answer, turns)))


def _session_in(asked: ClientRequest) -> str:
    """OpenAI's cache key, or the session in Claude Code's user id, which is JSON."""
    body = asked.body.value
    if asked.dialect is not Dialect.CLAUDE:
        named = body.get("prompt_cache_key")
        return named if isinstance(named, str) else ""
    metadata = body.get("metadata")
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str) or "session" not in user:
        return ""
    try:
        session = orjson.loads(user)["session_id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return user
    return session if isinstance(session, str) else ""


_TURNS = {Dialect.GEMINI: "contents", Dialect.RESPONSES: "input"}


def _turns(asked: ClientRequest) -> list[Json]:
    turns = asked.body.value.get(_TURNS.get(asked.dialect, "messages"))
    if isinstance(turns, str):
        return [{"role": "user", "content": turns}]
    return [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []


def _is_an_answer(turn: Json) -> bool:
    return turn.get("role") in ("assistant", "model") or turn.get("type") in ("function_call", "reasoning")


def _beginning(said: Any) -> str:
    """The first characters of a turn or a system prompt, whatever its shape."""
    if isinstance(said, str):
        return said[:CHARACTERS_OF_BEGINNING]
    if isinstance(said, list):
        return _beginning(said[0]) if said else ""
    if isinstance(said, dict):
        return _beginning(next((said[name] for name in ("text", "content", "parts") if said.get(name)), ""))
    return ""


def _key(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Known:
    """What this worker knows of a conversation. Moments are monotonic."""

    bound: Bound
    ends_at: float
    told_at: float
    """When it was last told to the other workers."""


class Affinities:
    """The bindings this worker knows, and those that others told. The oldest go first when there are too many."""

    def __init__(self, health: Health, most: int = MOST_CONVERSATIONS) -> None:
        self._health = health
        self._most = most
        self._known: OrderedDict[str, Known] = OrderedDict()

    async def find(self, key: str) -> Bound | None:
        """As all workers know it: what this one remembers may be from before another bound it anew."""
        told = _read(await self._health.recall(NOTE + key))
        if told is not None:
            return told
        known = self._known.get(key)
        return known.bound if known and time.monotonic() < known.ends_at else None

    def bind(self, key: str, bound: Bound, seconds: int, found: Bound | None) -> None:
        """`found`: what was found before. The others are told what is new, and twice in its life what is not."""
        now, known = time.monotonic(), self._known.get(key)
        told_at = known.told_at if known and found == bound else -math.inf
        if now - told_at > seconds / 2:
            told_at = now
            self._health.remember(NOTE + key, _written(bound), seconds)
        self._known[key] = Known(bound, now + seconds, told_at)
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)


NOTE = "conversation:"


def _written(bound: Bound) -> str:
    return f"{bound.connection} {bound.provider} {bound.model}"


def _read(text: str | None) -> Bound | None:
    if text is None:
        return None
    connection, provider, model = text.split(" ", 2)
    return Bound(UUID(connection), provider, model)


@dataclass(slots=True)
class Place:
    """Where a request's conversation was, and where it is from now on."""

    affinities: Affinities
    conversation: Conversation | None = None
    bound: Bound | None = None
    seconds: int = 0

    @classmethod
    async def of(cls, conversation: Conversation | None, affinities: Affinities, seconds: int) -> "Place":
        is_continued = conversation is not None and conversation.is_continued
        bound = await affinities.find(conversation.key) if conversation and is_continued else None
        return cls(affinities, conversation, bound, seconds)

    def keep(self, answered: Bound, *, is_gone: bool) -> None:
        """Remember who answered; but whoever was only busy this time keeps the conversation. `is_gone`: was not."""
        assert self.conversation is not None
        bound = answered if self.bound is None or is_gone else self.bound
        self.affinities.bind(self.conversation.key, bound, self.seconds, self.bound)
