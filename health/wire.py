"""One line to Redis for everything requests ask of it: what is asked while an answer is awaited goes together.

So a hundred claims at once are a handful of writes on one connection, not a hundred connections.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeAlias, TypeVar

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

PATIENCE_SECONDS = 0.25
LATE_SECONDS = 0.02
ROUNDS = 3
MOST_TOGETHER = 200

Command: TypeAlias = tuple[Any, ...]
T = TypeVar("T")


def connect(url: str) -> Redis:
    pool = ConnectionPool.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0))
    return Redis.from_pool(pool)


async def patiently(work: Awaitable[T]) -> T:
    """Raises TimeoutError after `PATIENCE_SECONDS`; more where this process was busy, which is no fault of Redis."""
    task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()
    try:
        for _ in range(ROUNDS):
            ends = loop.time() + PATIENCE_SECONDS
            await asyncio.wait([task], timeout=PATIENCE_SECONDS)
            if task.done():
                return task.result()
            if loop.time() - ends < LATE_SECONDS:
                break
        raise TimeoutError(f"it did not answer within {PATIENCE_SECONDS * 1000:.0f} ms")
    finally:
        task.cancel()
        task.add_done_callback(_whatever_it_was)


def _whatever_it_was(task: "asyncio.Future[Any]") -> None:
    """Nobody waits for it any more; asyncio would complain of an exception that nobody looked at."""
    if not task.cancelled():
        task.exception()


class Wire:
    def __init__(self, client: Redis) -> None:
        self._client = client
        self._waiting: list[tuple[Sequence[Command], asyncio.Future[list[Any]]]] = []
        self._speaking: asyncio.Task[None] | None = None

    async def ask(self, *commands: Command) -> list[Any]:
        """Their answers. Raises RedisError, OSError or TimeoutError."""
        answers: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((commands, answers))
        if self._speaking is None or self._speaking.done():
            self._speaking = asyncio.create_task(self._speak())
        return await patiently(answers)

    def hang_up(self) -> None:
        """Nothing that is asked now will be answered."""
        waiting, self._waiting = self._waiting, []
        if self._speaking is not None:
            self._speaking.cancel()
            self._speaking = None
        _fail(waiting, ConnectionError("the line was closed"))

    async def _speak(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            try:
                replies = await self._exchange([command for commands, _ in together for command in commands])
            except BaseException as error:
                # The outermost edge of the task: whoever waits is told, whatever it is.
                _fail(together, error if isinstance(error, Exception) else ConnectionError("the line was closed"))
                if not isinstance(error, Exception):
                    raise
                continue
            for commands, answers in together:
                own, replies = replies[: len(commands)], replies[len(commands) :]
                _answer(answers, own)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as line:
            for command in commands:
                line.execute_command(*command)
            return list(await line.execute(raise_on_error=False))


def _answer(answers: asyncio.Future[list[Any]], replies: list[Any]) -> None:
    if answers.done():  # Whoever asked has given up.
        return
    error = next((reply for reply in replies if isinstance(reply, Exception)), None)
    if error is None:
        answers.set_result(replies)
    else:
        answers.set_exception(error)


def _fail(together: Sequence[tuple[Sequence[Command], asyncio.Future[list[Any]]]], error: Exception) -> None:
    for _, answers in together:
        if not answers.done():
            answers.set_exception(error)
