"""Texts of many kinds, with the tokens that o200k_base makes of each and how near an estimate should be, in percent."""

import json
from typing import Any

import orjson

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
