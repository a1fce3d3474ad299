"""What all workers know together, in Redis. It takes no decision that Python could take.

Records are changed by comparing and setting: the rules stay in Python, and of two workers that change one record at the
same moment the second sees what the first made of it. Only what must be one step is a script: granting a wish, and that
comparison. Every change is told to all workers, and once a second each looks whether it missed one.

Law: no call waits longer than the patience of `health.wire`. The first that does, or fails, raises `SharedStateGone`,
and so does every further one, at once, until Redis has answered in time again. Workers go on with what they know, and
tell it when Redis is back.
"""

import asyncio
import hashlib
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from health.board import Board
from health.permits import Answer, Denial, Granted, Hold, Stale, Wish
from health.records import Kind
from health.shared_state import SharedStateGone
from health.slots import SkipReason
from health.wire import Command, Wire, patiently

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 0.25
"""Between attempts to find Redis again."""
TURNS_LIFE_SECONDS = 24 * 3600
PULSES_LIFE_SECONDS = 3600
HEAR_SECONDS = 0.1
SCRIPTS = {path.stem: path.read_text() for path in (Path(__file__).parent / "scripts").glob("*.lua")}
NO_SCRIPTS: Mapping[str, str] = {}
GONE = (RedisError, OSError, TimeoutError, msgspec.DecodeError)


def digest_of(script: str) -> str:
    """By which Redis knows it."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def prefix_of(secret: str) -> str:
    """Of an installation's keys, in the form of this version. The braces make a cluster keep them together."""
    return "omniroute:1:{" + hashlib.sha256(b"health " + secret.encode()).hexdigest()[:12] + "}"


class Shared:
    """One worker's line to Redis, and the keeper of its board while Redis is there."""

    def __init__(
        self, client: Redis, prefix: str, board: Board, lease_seconds: float, scripts: Mapping[str, str] = NO_SCRIPTS
    ) -> None:
        """`scripts`: those of others, by name, for `run`."""
        self.is_found = False
        self.on_turn: Callable[[str | None], None] = lambda why: None
        """Told why it was lost, or None when it is found."""
        self.on_push: Callable[[bool], Awaitable[None]]
        """Asked to tell what this worker knows: everything, or what changed while Redis was away."""
        self.on_room: Callable[[str], None] = lambda connection: None
        """Told the id of a connection that has room again."""
        self.worker = uuid.uuid4().hex
        self._client, self._prefix, self._board = client, prefix, board
        self._wire = Wire(client)
        self._scripts = {**SCRIPTS, **scripts}
        self._digests = {name: digest_of(text) for name, text in self._scripts.items()}
        self._lease_ms = int(lease_seconds * 1000)
        self._revisions: dict[tuple[str, str], int] = {}
        self._revision = 0
        self._epoch = ""
        self._told: bool | None = None
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.Event()

    # What claims and reports need

    async def take(self, wishes: Sequence[Wish], lease: str) -> Answer:
        """A breaker that is not what a wish took it for is put on the board."""
        said = json.dumps([_wish(each) for each in wishes])
        answer, *_ = await self._ask(self._script("take", lease, self._lease_ms, said))
        if answer[0] == "stale":
            _, provider, text, revision, epoch = answer
            self._check(epoch)
            self._learn(Kind.BREAKER, provider, text, int(revision))
        return _answer(answer)

    async def change(self, kind: Kind, key: str, before: str, after: str) -> bool:
        """Whether it was as it was before. If not, the board says now what it is."""
        ((done, text, revision, *epoch),) = await self._ask(self._script("change", kind.value, key, before, after))
        if not done:
            self._check(epoch[0])
        self._learn(kind, key, text, int(revision))
        return bool(done)

    async def give_back(self, hold: Hold) -> None:
        await self._ask(self._script("give_back", *_hold(hold)))

    async def renew(self, holds: Iterable[Hold], *, were_lost: bool = False) -> None:
        said = json.dumps([_hold(each) for each in holds])
        await self._ask(self._script("renew", self._lease_ms, said, "NX" if were_lost else "XX"))

    async def run(self, script: str, *arguments: object) -> Any:
        (answer,) = await self._ask(self._script(script, *arguments))
        return answer

    async def turn(self, key: str) -> int:
        name = f"{self._prefix}:turn:{key}"
        counted, _ = await self._ask(("INCR", name), ("EXPIRE", name, TURNS_LIFE_SECONDS))
        return int(counted) - 1

    async def recall(self, key: str) -> str | None:
        (text,) = await self._ask(("GET", f"{self._prefix}:note:{key}"))
        return None if text is None else str(text)

    async def remember(self, key: str, text: str, seconds: int) -> None:
        await self._ask(("SET", f"{self._prefix}:note:{key}", text, "EX", max(1, seconds)))

    async def exchange_pulses(self, own: str) -> Mapping[str, str]:
        """Tell this worker's; hear every worker's."""
        name = f"{self._prefix}:pulses"
        _, every, _ = await self._ask(
            ("HSET", name, self.worker, own), ("HGETALL", name), ("EXPIRE", name, PULSES_LIFE_SECONDS)
        )
        return dict(every)

    async def forget_pulses(self, workers: Sequence[str]) -> None:
        if workers:
            await self._ask(("HDEL", f"{self._prefix}:pulses", *workers))

    # Keeping in touch

    async def start(self) -> None:
        """Returns when Redis has answered, or has not in time."""
        self._task = asyncio.create_task(self._keep(), name="health-shared-state")
        await self._first.wait()

    async def stop(self) -> None:
        self._is_stopping = True  # redis-py may swallow a cancellation that meets one of its own timeouts
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._client.aclose()

    async def _keep(self) -> None:
        while not self._is_stopping:
            try:
                async with self._client.pubsub() as channel:
                    await self._find(channel)
                    await self._listen(channel)
            except SharedStateGone:
                pass
            except GONE as error:
                self._lose(error)
            self._first.set()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _find(self, channel: PubSub) -> None:
        await patiently(channel.subscribe(f"{self._prefix}:changes"))
        await patiently(self._load_scripts())
        is_new = await self._meet()
        self.is_found = True
        try:
            await self.on_push(is_new)
            await self._read()
        except BaseException:  # Cancelled ones too: whatever interrupts the meeting, nobody may take it for held.
            self.is_found = False
            raise
        self._tell(None)
        self._first.set()

    async def _meet(self) -> bool:
        """Agree on the time; whether what was in Redis is not what this worker knew."""
        was_empty, epoch, (seconds, micros) = await self._at_one_moment(
            ("SET", f"{self._prefix}:epoch", uuid.uuid4().hex, "NX"), ("GET", f"{self._prefix}:epoch"), ("TIME",)
        )
        self._board.clock.agree(seconds + micros / 1e6)
        is_new = bool(was_empty) or self._epoch not in ("", epoch)
        if epoch != self._epoch:
            self._revisions.clear()
            self._revision = -1
        self._epoch = epoch
        return is_new

    async def _listen(self, channel: PubSub) -> None:
        loop = asyncio.get_running_loop()
        look_at = loop.time() + LOOK_SECONDS
        while self.is_found and not self._is_stopping:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=HEAR_SECONDS)
            if message is not None:
                self._hear(str(message["data"]))
            if loop.time() >= look_at:
                look_at = loop.time() + LOOK_SECONDS
                await self._look()

    def _hear(self, text: str) -> None:
        revision, kind, key, after = json.loads(text)
        if kind == "room":
            self.on_room(key)
            return
        if revision > self._revision:
            self._learn(Kind(kind), key, after, revision)
        if revision == self._revision + 1:
            self._revision = revision

    async def _look(self) -> None:
        """Whether a change was missed, or Redis lost everything."""
        epoch, revision, (seconds, micros) = await self._at_one_moment(
            ("GET", f"{self._prefix}:epoch"), ("GET", f"{self._prefix}:revision"), ("TIME",)
        )
        self._board.clock.agree(seconds + micros / 1e6)
        if epoch != self._epoch:
            await self.on_push(await self._meet())
            await self._read()
        elif int(revision or 0) != self._revision:
            await self._read()
        self._revisions = {each: seen for each, seen in self._revisions.items() if seen > self._revision}

    async def _read(self) -> None:
        """Everything. What changed after it was read stays as it is."""
        revision, *tables = await self._at_one_moment(
            ("GET", f"{self._prefix}:revision"), *(("HGETALL", f"{self._prefix}:{kind.value}") for kind in Kind)
        )
        self._revision = int(revision or 0)
        for kind, table in zip(Kind, tables, strict=True):
            for key in self._board.views[kind].keys() - table.keys():
                self._learn(kind, key, "", self._revision)
            for key, text in table.items():
                self._learn(kind, key, text, self._revision)

    def _check(self, epoch: str) -> None:
        """Raises SharedStateGone where Redis lost everything: it knows less than we do, and has to be told first."""
        if epoch != self._epoch:
            self._lose(ConnectionError("it lost what it knew"))
            raise SharedStateGone

    def _learn(self, kind: Kind, key: str, text: str, revision: int) -> None:
        if revision < self._revisions.get((kind, key), -1):
            return
        self._revisions[kind, key] = revision
        self._board.put(kind, key, text)

    # The ways to Redis

    async def _ask(self, *commands: Command) -> list[Any]:
        if not self.is_found:
            raise SharedStateGone
        try:
            return await self._wire.ask(*commands)
        except GONE as error:
            self._lose(error)
            raise SharedStateGone from error

    def _script(self, name: str, *arguments: object) -> Command:
        return ("EVALSHA", self._digests[name], 1, self._prefix, *arguments)

    async def _load_scripts(self) -> None:
        """All in one go: on a busy machine one answer comes in time where a dozen, one after the other, do not."""
        async with self._client.pipeline(transaction=False) as line:
            for text in self._scripts.values():
                line.execute_command("SCRIPT LOAD", text)
            await line.execute()

    async def _at_one_moment(self, *commands: Command) -> list[Any]:
        return await patiently(self._transaction(commands))

    async def _transaction(self, commands: Sequence[Command]) -> list[Any]:
        async with self._client.pipeline(transaction=True) as line:
            for command in commands:
                line.execute_command(*command)
            return list(await line.execute())

    def _lose(self, error: Exception) -> None:
        self.is_found = False
        self._wire.hang_up()
        self._tell(str(error) or type(error).__name__)

    def _tell(self, why: str | None) -> None:
        """Once at each turn, not once a request."""
        is_well = why is None
        if self._told is not is_well:
            self._told = is_well
            self.on_turn(why)


def _wish(wish: Wish) -> dict[str, object]:
    limits, well = wish.limits, wish.well
    return {
        "provider": wish.provider,
        "breaker": wish.breaker,
        "probe": wish.is_probe,
        "connection": str(wish.connection),
        "rpm": limits.requests_per_minute or 0,
        "gap_ms": int((limits.gap_seconds or 0) * 1000),
        "concurrent": limits.concurrent or 0,
        "waits": wish.waits,
        "well": well.key if well else "",
        "well_remaining": well.remaining if well else 0,
        "well_ms": max(1, int(well.seconds * 1000)) if well else 0,
    }


def _hold(hold: Hold) -> tuple[str, str, str]:
    return hold.lease, str(hold.connection or ""), hold.probes or ""


def _answer(said: list[Any]) -> Answer:
    word, *rest = said
    if word == "granted":
        return Granted(int(rest[0]))
    if word == "stale":
        return Stale(rest[0], rest[1])
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return tuple(Denial(SkipReason(reason), int(wait) / 1000 if int(wait) >= 0 else None) for reason, wait in pairs)
