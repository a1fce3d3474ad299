"""Estimates of tokens: near enough to a real vocabulary, quick, and never an error."""

import base64
import json
import struct
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator import tokens
from translator.dialect import ClientRequest, Dialect
from translator.json_body import JsonBody

ENGLISH = """\
The lighthouse keeper had not spoken to anyone for three weeks when the supply boat finally came around the point. He
watched it from the gallery, one hand on the cold rail, counting the crates on its deck. There would be flour and
coffee, he hoped, and the newspapers his sister always saved for him, tied with string and already out of date. The
wind had dropped during the night, so the landing would be easy this time. He thought about what he would say first.
It was a strange feeling, to have so many words ready and nobody to spend them on. When the boat touched the jetty he
found that he had forgotten every one of them, and simply waved.
"""

CHAT = """\
Sure! Here's the short version: your cache is keyed by the request path only, so two users who ask for the same page
get each other's data. I'd fix it in three steps. First, add the account id to the key. Second, throw away everything
that's already stored, because you can't tell which entries are wrong. Third, write a test that logs in as two
different people and checks that they don't see the same thing. Let me know if you want me to open a pull request, or
if you'd rather do it yourself - it's about twenty lines. By the way, the timeout in your settings is 30 seconds,
which is longer than your load balancer allows (25 seconds), so slow requests will always look like failures.
"""

PYTHON = '''\
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass
class LruCache(Generic[K, V]):
    """Keeps the most recently used entries, up to `capacity`."""

    capacity: int = 128
    _entries: OrderedDict[K, V] = field(default_factory=OrderedDict, init=False)

    def get(self, key: K, default: V | None = None) -> V | None:
        if key not in self._entries:
            return default
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self.capacity:
            oldest, _ = self._entries.popitem(last=False)
            logger.debug("evicted %r, %d entries left", oldest, len(self._entries))
'''

TYPESCRIPT = """\
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export interface RouteOptions<T> {
  method: "GET" | "POST" | "DELETE";
  path: string;
  parse?: (body: unknown) => T;
  handler: (request: IncomingMessage, input: T) => Promise<unknown>;
}

const routes = new Map<string, RouteOptions<any>>();

export function addRoute<T>(options: RouteOptions<T>): void {
  routes.set(`${options.method} ${options.path}`, options);
}

async function dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = routes.get(`${request.method} ${request.url}`);
  if (!route) {
    response.writeHead(404, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: "not found" }));
    return;
  }
  try {
    const body = await readBody(request);
    const result = await route.handler(request, route.parse ? route.parse(body) : body);
    response.writeHead(200).end(JSON.stringify(result ?? null));
  } catch (error) {
    console.error("request failed", error instanceof Error ? error.message : error);
    response.writeHead(500).end();
  }
}
"""

RUN = {
    "command": {"type": "string", "description": "The command to run"},
    "timeout": {"type": "number", "description": "Milliseconds, at most 600000", "default": 120000},
    "run_in_background": {"type": "boolean", "description": "Do not wait for the end"},
}
SEARCH = {
    "pattern": {"type": "string", "description": "The regular expression to search for"},
    "path": {"type": "string", "description": "File or directory. Defaults to the current directory"},
    "glob": {"type": "string", "description": 'Only these files, such as "*.ts" or "*.{py,toml}"'},
    "output_mode": {"type": "string", "enum": ["content", "files_with_matches", "count"]},
    "head_limit": {"type": "integer", "minimum": 1, "maximum": 1000},
}
SCHEMA = {"type": "object", "properties": RUN, "required": ["command"], "additionalProperties": False}
TOOLS: list[dict[str, Any]] = [
    {
        "name": "run_command",
        "description": "Run a shell command and return what it prints. It is stopped after the timeout.",
        "input_schema": SCHEMA,
    },
    {
        "name": "search_files",
        "description": "Find lines that match a regular expression, in files below a directory.",
        "input_schema": {"type": "object", "properties": SEARCH, "required": ["pattern"]},
    },
]

JSON_TEXT = json.dumps(
    {
        "orders": [
            {"id": 48213, "customer": "Ada Byron", "total": 129.95, "currency": "EUR", "paid": True, "items": 3},
            {"id": 48214, "customer": "Sam Fisher", "total": 18.5, "currency": "USD", "paid": False, "items": 1},
            {"id": 48217, "customer": "Lin Wei", "total": 2450.0, "currency": "CNY", "paid": True, "items": 12},
        ],
        "page": {"cursor": "b2Zmc2V0PTMw", "size": 30, "next": "/api/v2/orders?cursor=b2Zmc2V0PTYw"},
        "generated_at": "2026-11-22T14:05:31Z",
    },
    indent=2,
)

MARKDOWN = """\
# Deploying the worker

The worker reads jobs from `queue/` and writes results to `var/results/<date>/`. You need:

1. Docker 27 or newer
2. A copy of [`config/worker.example.toml`](config/worker.example.toml)
3. The **signing key** (ask the platform team)

## Steps

```bash
cp config/worker.example.toml /etc/worker/config.toml
docker compose -f deploy/compose.yaml up -d worker
docker compose logs --follow worker | grep -v DEBUG
```

| variable | default | meaning |
| --- | --- | --- |
| `WORKER_THREADS` | `4` | how many jobs run at once |
| `WORKER_LOG_LEVEL` | `info` | `debug` is very noisy |
| `WORKER_STATE_DIR` | `/var/lib/worker` | must survive restarts |

> **Note:** after an upgrade from 1.x run `scripts/migrate_state.py --dry-run` first; see `docs/upgrading.md`.
"""

SHELL = """\
$ git status --short && ls -la src/handlers
 M src/handlers/payments.ts
?? src/handlers/refunds.ts
total 48
drwxr-xr-x  2 app app 4096 Nov 22 14:11 .
drwxr-xr-x 11 app app 4096 Nov 20 09:45 ..
-rw-r--r--  1 app app 5310 Nov 22 14:11 payments.ts
-rw-r--r--  1 app app 1874 Nov 22 14:08 refunds.ts
$ npm test
> shop@3.4.1 test
> vitest run

 FAIL  src/handlers/refunds.test.ts > refunds > rejects a second refund
AssertionError: expected 200 to be 409 // Object.is equality
    at /opt/app/shop/src/handlers/refunds.test.ts:42:27
    at processTicksAndRejections (node:internal/process/task_queues:95:5)

 Test Files  1 failed | 12 passed (13)
      Tests  1 failed | 87 passed (88)
   Duration  4.31s (transform 812ms, setup 0ms, collect 2.9s, tests 1.02s)
"""

NORWEGIAN = """\
Det var en kald morgen i februar da postbussen kjørte seg fast i snøen ved den øverste gården i dalen. Sjåføren gikk
ut, så på hjulene og ristet på hodet. Inne i bussen satt det fire passasjerer: en lærer, to søstre på vei til byen og
en gammel mann som ikke hadde sagt et ord siden de dro. Etter en stund kom bonden ned med traktoren. Han spurte ikke
om noe, bare festet kjettingen og dro bussen løs. Læreren ville betale, men bonden lo og sa at de heller fikk hilse
hjem. Resten av turen snakket alle sammen, og da de kom fram til byen, kjente de hverandre så godt at ingen hadde lyst
til å gå hver sin vei. De avtalte å møtes igjen på kafeen ved torget.
"""

GERMAN = """\
Als der Zug mit fast einer Stunde Verspätung in den Bahnhof einfuhr, war der Bahnsteig schon beinahe leer. Nur eine
Frau mit einem roten Koffer wartete noch unter der Uhr und las in einem zerlesenen Taschenbuch. Der Schaffner stieg
aus, entschuldigte sich bei ihr und erklärte, dass ein umgestürzter Baum die Strecke blockiert hatte. Sie lächelte und
sagte, sie habe es nicht eilig, denn ihre Schwester komme ohnehin immer zu spät. Im Abteil roch es nach Kaffee und
nassen Mänteln. Während draußen die Felder vorbeizogen, überlegte sie, ob sie den Brief, den sie seit Wochen mit sich
herumtrug, endlich beantworten sollte.
"""

FRENCH = """\
Quand le marché ferma ses portes, il ne restait plus sur la place que quelques caisses vides et une odeur de pêches
trop mûres. Le vieux libraire rangea ses livres un par un, sans se presser, en soufflant sur la poussière des
couvertures. Une petite fille s'arrêta devant lui et demanda s'il avait une histoire avec des baleines. Il réfléchit
longuement, fouilla au fond d'un carton et en sortit un album dont il manquait la dernière page. « Tu devras inventer
la fin toi-même », dit-il. Elle hocha la tête, très sérieuse, et lui tendit une pièce qu'il refusa de prendre. Le
lendemain, elle revint avec trois fins différentes.
"""

RUSSIAN = """\
Поздно вечером, когда в доме уже погасили свет, кто-то постучал в окно. Бабушка накинула платок, взяла лампу и вышла
на крыльцо. На дороге стоял незнакомый человек с велосипедом и просил воды. Оказалось, что он едет из соседнего города
уже второй день и сбился с пути ещё утром. Бабушка позвала его в дом, накормила супом и постелила на веранде. Утром он
починил калитку, которая скрипела с прошлой зимы, поблагодарил и уехал. Через месяц от него пришла открытка с видом на
море, и она до сих пор стоит у нас на полке рядом с часами.
"""

CHINESE = """\
傍晚的时候，小镇上的钟表店还亮着灯。老师傅戴着眼镜，低头修理一块很旧的怀表。送表来的年轻人说，这是他爷爷留下的，已经
停了二十多年，不知道还能不能走。老师傅没有回答，只是轻轻地拧下一颗螺丝，把零件一个一个摆在白布上。外面开始下雨，街上
的人越来越少。过了一个多小时，他终于把表盖合上，放到耳边听了听，然后笑着递给年轻人。滴答的声音很小，却非常清楚。年轻
人问多少钱，老师傅摆摆手说，下次带你爷爷的照片来给我看看就行。
"""

JAPANESE = """\
駅前の小さなパン屋は、毎朝五時に明かりがつきます。店主の山田さんは、もう三十年もこの場所でパンを焼いています。近所の
人たちは、窓から流れてくる香りで朝が来たことを知るのだそうです。ある日、見慣れない男の子が店の前に立っていました。お
金を持っていないけれど、一番古いパンでいいから分けてほしいと言うのです。山田さんは何も聞かずに、焼きたてのクリームパ
ンを二つ袋に入れて渡しました。それから十年がたち、その男の子は今、隣でいっしょに生地をこねています。
"""

EMOJI = """\
🎉 Release day!!! 🎉 Thanks everyone 🙏 you are amazing 😍🔥
✅ build is green
✅ docs updated 📚
❌ one flaky test 😅 (we know which one 🙈)
⚠️ don't touch the database until 6 pm ⏰
Pizza 🍕 and drinks 🥤 at 7, bring your friends 👩‍💻👨‍🎤 — see you there! 👋🏽❤️🚀
"""

SAMPLES = [
    (ENGLISH, 143, 10),
    (CHAT, 154, 10),
    (PYTHON, 224, 10),
    (TYPESCRIPT, 265, 10),
    (orjson.dumps(TOOLS).decode(), 234, 10),
    (JSON_TEXT, 228, 10),
    (MARKDOWN, 221, 10),
    (SHELL, 272, 10),
    (NORWEGIAN, 194, 20),
    (GERMAN, 161, 20),
    (FRENCH, 167, 20),
    (RUSSIAN, 170, 20),
    (CHINESE, 167, 20),
    (JAPANESE, 184, 20),
    (EMOJI, 97, 20),
]
"""Texts that the prices were not fitted to, their tokens in o200k_base as tiktoken counts, and the percents allowed."""


@pytest.mark.parametrize(("text", "true", "percent"), SAMPLES)
def test_an_estimate_is_near_what_a_real_vocabulary_counts(text: str, true: int, percent: int) -> None:
    assert tokens.of_text(text) == pytest.approx(true, rel=percent / 100)


def test_a_long_conversation_in_many_languages_is_met_within_five_percent() -> None:
    together = "\n".join(text for text, _, _ in SAMPLES)
    assert tokens.of_text(together) == pytest.approx(sum(true for _, true, _ in SAMPLES), rel=0.05)


@given(st.text(), st.text())
def test_every_text_has_an_estimate_and_more_text_never_has_a_much_lower_one(text: str, more: str) -> None:
    assert 0 <= tokens.of_text(text) <= tokens.of_text(text + more) + 3


def test_nothing_has_no_tokens_and_anything_has_one() -> None:
    assert [tokens.of_text(text) for text in ("", " ", "\n", "a", "\ud800")] == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("piece", [PYTHON, CHINESE, "a", " ", "\n", "aA", "0", "...a", "t", '"', "😀"])
def test_the_time_grows_with_the_length_alone(piece: str) -> None:
    text = piece * (1_000_000 // len(piece.encode()))
    started = time.process_time()
    tokens.of_text(text)
    assert time.process_time() - started < 0.5, "About 0.04 s are usual; a pattern that backtracks takes minutes."


SEAL = "c2lnbmF0dXJl" * 50
"""An id, a signature or something encrypted, which costs nothing."""


def ask(dialect: Dialect, **body: Any) -> int:
    return tokens.of_request(ClientRequest(dialect, JsonBody.parse(orjson.dumps(body)), "m", False))


def said(dialect: Dialect, question: str, answer: str, result: str) -> dict[str, Any]:
    """The same short conversation with one call of a tool, in each dialect's words."""
    asked: Any
    called: Any
    done: Any
    arguments: Any = {"command": "ls -la src"}
    call: Any = {"name": "run_command", "arguments": json.dumps(arguments)}
    match dialect:
        case Dialect.OPENAI | Dialect.OLLAMA:
            call = call if dialect is Dialect.OPENAI else call | {"arguments": arguments}
            asked = {"role": "user", "content": question}
            called = {"role": "assistant", "content": answer, "tool_calls": [{"id": SEAL, "function": call}]}
            return {"messages": [asked, called, {"role": "tool", "tool_call_id": SEAL, "content": result}]}
        case Dialect.CLAUDE:
            asked = {"content": [{"type": "text", "text": question, "cache_control": {"type": "ephemeral"}}]}
            call = {"type": "tool_use", "id": SEAL, "name": "run_command", "input": arguments}
            called = {"content": [{"type": "text", "text": answer}, call]}
            done = {"content": [{"type": "tool_result", "tool_use_id": SEAL, "content": result}]}
            return {"messages": [asked, called, done]}
        case Dialect.GEMINI:
            call = {"functionCall": {"name": "run_command", "args": arguments}, "thoughtSignature": SEAL}
            done = {"functionResponse": {"id": SEAL, "response": {"output": result}}}
            turns = [[{"text": question}], [{"text": answer}, call], [done]]
            return {"contents": [{"role": "user", "parts": parts} for parts in turns]}
        case Dialect.RESPONSES:
            call = {"type": "function_call", "call_id": SEAL} | call
            done = {"type": "function_call_output", "call_id": SEAL, "output": result}
            thought = {"type": "reasoning", "id": SEAL, "summary": [], "encrypted_content": SEAL}
            return {"input": [{"role": "user", "content": question}, thought, {"content": answer}, call, done]}


def offered(dialect: Dialect) -> list[dict[str, Any]]:
    """The tools as each dialect declares them."""
    schema = {Dialect.CLAUDE: "input_schema", Dialect.GEMINI: "parametersJsonSchema"}.get(dialect, "parameters")
    tools = [{"name": tool["name"], "description": tool["description"], schema: tool["input_schema"]} for tool in TOOLS]
    match dialect:
        case Dialect.GEMINI:
            return [{"functionDeclarations": tools}]
        case Dialect.OPENAI | Dialect.OLLAMA:
            return [{"type": "function", "function": tool} for tool in tools]
        case _:
            return tools


@pytest.mark.parametrize("dialect", Dialect)
def test_a_conversation_costs_about_the_same_in_every_dialect(dialect: Dialect) -> None:
    words = sum(tokens.of_text(text) for text in (ENGLISH, CHAT, SHELL, "run_command", '{"command": "ls -la src"}'))
    assert ask(dialect, **said(dialect, ENGLISH, CHAT, SHELL)) == pytest.approx(words + 4 * 4, rel=0.03)


@pytest.mark.parametrize("dialect", Dialect)
def test_tools_cost_their_declarations_and_what_the_vendor_writes_around_them(dialect: Dialect) -> None:
    bare = said(dialect, ENGLISH, CHAT, SHELL)
    around = 346 if dialect is Dialect.CLAUDE else 0
    more = ask(dialect, **bare, tools=offered(dialect)) - ask(dialect, **bare)
    assert more == pytest.approx(tokens.of_text(orjson.dumps(TOOLS).decode()) + around, rel=0.05)
    assert ask(dialect, **bare, tools=[]) == ask(dialect, **bare)


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        (Dialect.CLAUDE, {"system": MARKDOWN}),
        (Dialect.CLAUDE, {"system": [{"type": "text", "text": MARKDOWN, "cache_control": {"type": "ephemeral"}}]}),
        (Dialect.GEMINI, {"systemInstruction": {"parts": [{"text": MARKDOWN}]}}),
        (Dialect.RESPONSES, {"instructions": MARKDOWN}),
        (Dialect.RESPONSES, {"input": MARKDOWN}),
        (Dialect.OPENAI, {"prompt": MARKDOWN}),
        (Dialect.OPENAI, {"prompt": [MARKDOWN]}),
        (Dialect.OLLAMA, {"prompt": MARKDOWN}),
        (Dialect.GEMINI, {"generateContentRequest": {"systemInstruction": {"parts": [{"text": MARKDOWN}]}}}),
    ],
)
def test_a_prompt_counts_wherever_it_stands(dialect: Dialect, said: dict[str, Any]) -> None:
    assert ask(dialect, **said) == tokens.of_text(MARKDOWN) + 3


def test_a_prompt_of_token_numbers_is_exact() -> None:
    assert ask(Dialect.OPENAI, prompt=[1, 2, 3, 4]) == 4 + 3


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "a-long-name-of-a-model-20260101", "max_tokens": 4096, "temperature": 0.5, "stop": ["END"]},
        {"metadata": {"user_id": "0123456789abcdef" * 8}, "thinking": {"type": "enabled", "budget_tokens": 9999}},
        {"generationConfig": {"temperature": 0.5, "thinkingConfig": {"thinkingLevel": "high"}}},
        {"tool_choice": {"type": "auto"}, "stream": True, "service_tier": "auto", "prompt_cache_key": "x" * 500},
        {"response_format": {"type": "json_object"}, "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}]},
    ],
)
def test_settings_cost_nothing(settings: dict[str, Any]) -> None:
    bare = {"messages": [{"role": "user", "content": CHAT}]}
    assert ask(Dialect.OPENAI, **bare, **settings) == ask(Dialect.OPENAI, **bare)


@pytest.mark.parametrize(
    "settings",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"generationConfig": {"temperature": 1, "responseJsonSchema": SCHEMA}},
        {"format": SCHEMA},
    ],
)
def test_the_schema_of_an_answer_counts_as_its_text(settings: dict[str, Any]) -> None:
    schema = tokens.of_text(orjson.dumps(SCHEMA).decode())
    assert ask(Dialect.OPENAI, **settings) == pytest.approx(schema, abs=20)


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", width, height) + b"\0" * 900


def jpeg(width: int, height: int, thumbnail: int = 0) -> bytes:
    notes = b"\xff\xe1" + struct.pack(">H", thumbnail + 2) + b"\xff" * thumbnail
    return b"\xff\xd8" + notes + b"\xff\xc2\0\x11\x08" + struct.pack(">HH", height, width) + b"\0" * 900


def webp(kind: bytes, size: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + size + b"\0" * 900


PICTURES = {
    "png": (png(300, 250), 100),
    "jpeg": (jpeg(300, 250), 100),
    "jpeg behind a thumbnail": (jpeg(300, 250, 60_000), 100),
    "gif": (b"GIF89a" + struct.pack("<HH", 300, 250), 100),
    "lossy webp": (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 250)), 100),
    "lossless webp": (webp(b"VP8L", b"\x2f" + struct.pack("<I", 299 | 249 << 14)), 100),
    "extended webp": (webp(b"VP8X", b"\0\0\0\0" + (299).to_bytes(3, "little") + (249).to_bytes(3, "little")), 100),
    "a large one": (png(4000, 3000), 1600),
    "heic": (b"\0\0\0\x18ftypheic" + b"\0" * 900, 1000),
    "cut off": (b"\x89PNG\r\n\x1a\n", 1000),
    "jpeg without end": (b"\xff\xd8\xff\xe0\0\0\xff", 1000),
}


def words_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def shown(dialect: Dialect, data: str) -> dict[str, Any]:
    url = f"data:image/png;base64,{data}"
    match dialect:
        case Dialect.OPENAI:
            return {"messages": [{"content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]}]}
        case Dialect.CLAUDE:
            source = {"type": "base64", "media_type": "image/png", "data": data}
            return {"messages": [{"content": [{"type": "tool_result", "content": [{"source": source}]}]}]}
        case Dialect.GEMINI:
            return {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}]}
        case Dialect.RESPONSES:
            return {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}
        case Dialect.OLLAMA:
            return {"messages": [{"role": "user", "content": "", "images": [data]}]}


@pytest.mark.parametrize(("picture", "cost"), PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("dialect", Dialect)
def test_a_picture_costs_by_its_size_or_a_thousand(dialect: Dialect, picture: bytes, cost: int) -> None:
    assert ask(dialect, **shown(dialect, words_of(picture))) == cost + 4 + 3


@pytest.mark.parametrize("data", ["", "no base64 at all!", "ééé", "iVBORw0KGgo", "A", "====", "\n\n"])
@pytest.mark.parametrize("dialect", Dialect)
def test_broken_media_are_pictures_that_nobody_can_measure(dialect: Dialect, data: str) -> None:
    assert ask(dialect, **shown(dialect, data)) == 1000 + 4 + 3


@pytest.mark.parametrize(
    ("part", "cost"),
    [
        ({"source": {"type": "base64", "media_type": "application/pdf", "data": words_of(b"%PDF-" * 20_000)}}, 4000),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64," + words_of(b"%PDF-1.7")}}, 2000),
        ({"inlineData": {"mimeType": "audio/mpeg", "data": words_of(b"ID3" * 16_000)}}, 96),
        ({"type": "input_audio", "input_audio": {"data": words_of(b"RIFF" * 12_000), "format": "wav"}}, 96),
        ({"inlineData": {"mimeType": "video/mp4", "data": words_of(b"ftyp" * 125_000)}}, 1000),
        ({"type": "image_generation_call", "id": "x", "result": words_of(png(300, 250))}, 100),
        ({"type": "image", "source": {"type": "url", "url": "https://pictures.example/cat"}}, 1000),
        ({"type": "input_file", "file_url": "https://papers.example/paper.pdf"}, 2000),
        ({"type": "file", "file": {"file_id": "file-0123456789"}}, 2000),
        ({"fileData": {"mimeType": "audio/wav", "fileUri": "https://sounds.example/x"}}, 1920),
        ({"type": "redacted_thinking", "data": words_of(bytes(9000))}, 0),
        ({"type": "thinking", "thinking": "", "signature": words_of(bytes(9000))}, 0),
    ],
)
def test_other_media_cost_by_their_size_and_seals_nothing(part: dict[str, Any], cost: int) -> None:
    assert ask(Dialect.CLAUDE, messages=[{"role": "user", "content": [part]}]) - 7 == pytest.approx(cost, abs=2)


@pytest.mark.parametrize(
    "source",
    [
        {"type": "text", "media_type": "text/plain", "data": MARKDOWN},
        {"type": "base64", "media_type": "text/markdown", "data": words_of(MARKDOWN.encode())},
        {"type": "content", "content": [{"type": "text", "text": MARKDOWN}]},
    ],
)
def test_a_document_of_text_counts_as_its_text(source: dict[str, Any]) -> None:
    document = {"type": "document", "source": source}
    assert ask(Dialect.CLAUDE, messages=[{"content": [document]}]) == tokens.of_text(MARKDOWN) + 7


CALL = {"command": "make test"}
CALLED = {"name": "run_command", "arguments": json.dumps(CALL)}
ANSWERED: dict[str, Any] = {"content": ENGLISH, "reasoning_content": CHAT, "reasoning_details": [{"text": CHAT}]}
USES = [{"id": SEAL, "type": "function", "function": CALLED}]
PLAIN_USES = [{"function": {"name": "run_command", "arguments": CALL}}]
BLOCKS = [
    {"type": "thinking", "thinking": CHAT, "signature": SEAL},
    {"type": "text", "text": ENGLISH, "citations": [{"cited_text": CHAT}]},
    {"type": "tool_use", "id": SEAL, "name": "run_command", "input": CALL},
]
PARTS = [
    {"text": CHAT, "thought": True},
    {"text": ENGLISH, "thoughtSignature": SEAL},
    {"functionCall": {"id": SEAL, "name": "run_command", "args": CALL}},
]
ITEMS = [
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": CHAT}], "encrypted_content": SEAL},
    {"type": "message", "content": [{"type": "output_text", "text": ENGLISH, "annotations": [{"title": CHAT}]}]},
    {"type": "function_call", "call_id": SEAL} | CALLED,
]
LIKELY = {"content": [{"token": "The", "logprob": -0.1}] * 200}
GEMINI = {"candidates": [{"content": {"parts": PARTS}, "groundingMetadata": {"webSearchQueries": [CHAT]}}]}
ANSWERS = {
    "openai": {"id": SEAL, "choices": [{"index": 0, "message": ANSWERED | {"tool_calls": USES}, "logprobs": LIKELY}]},
    "claude": {"id": SEAL, "model": "m", "content": BLOCKS, "stop_reason": "tool_use"},
    "gemini": GEMINI,
    "code assist": {"response": GEMINI, "traceId": SEAL},
    "responses": {"id": SEAL, "instructions": CHAT, "tools": TOOLS, "output": ITEMS},
    "ollama": {"message": {"thinking": CHAT, "content": ENGLISH, "tool_calls": PLAIN_USES}},
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_costs_what_the_model_wrote(answer: dict[str, Any]) -> None:
    written = "\n".join((CHAT, ENGLISH, "run_command", json.dumps(CALL)))
    assert tokens.of_bytes(orjson.dumps(answer)) == pytest.approx(tokens.of_text(written), rel=0.02)


@pytest.mark.parametrize("answer", [{"choices": [{"text": ENGLISH}]}, {"response": ENGLISH, "context": [1, 2]}])
def test_a_plain_completion_costs_its_text(answer: dict[str, Any]) -> None:
    assert tokens.of_bytes(orjson.dumps(answer)) == tokens.of_text(ENGLISH)


def test_a_list_of_pieces_costs_all_of_them() -> None:
    piece = {"candidates": [{"content": {"parts": [{"text": ENGLISH}]}}]}
    assert tokens.of_bytes(orjson.dumps([piece, piece])) == pytest.approx(2 * tokens.of_text(ENGLISH), rel=0.01)


def test_what_is_no_json_costs_its_length() -> None:
    assert tokens.of_bytes(f"<html>{ENGLISH}".encode()) == pytest.approx(tokens.of_text(ENGLISH), rel=0.05)
    assert tokens.of_bytes(b"\xff\xfe\x00") >= 1
    assert tokens.of_bytes(b"") == 0


NAMES = st.sampled_from(["content", "parts", "type", "data", "url", "source", "format", "input", "prompt", "images"])
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["messages", "contents", "input", "tools", "system", "text"]), STRANGE))
def test_no_json_is_too_strange(value: dict[str, Any]) -> None:
    for dialect in Dialect:
        assert ask(dialect, **value) >= 3
    assert tokens.of_bytes(orjson.dumps({"choices": value, "content": value})) >= 0


@pytest.mark.parametrize("piece", ['{"content":', '{"input":', "["])
def test_an_answer_of_great_depth_is_no_error(piece: str) -> None:
    closing = "".join("]" if sign == "[" else "}" for sign in reversed(piece) if sign in "[{")
    assert tokens.of_bytes(f'{{"content":{piece * 1000}1{closing * 1000}}}'.encode()) >= 0
