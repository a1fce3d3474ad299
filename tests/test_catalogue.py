"""The shipped catalogue keeps the promises of the product's provider table, and a wrong file says where."""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

from providers import catalogue as package
from providers.catalogue import (
    CATALOGUE,
    AuthStyle,
    Capability,
    CatalogueError,
    LoginFlow,
    ModelType,
    QuotaKind,
    QuotaUnit,
    Vendor,
    Wire,
    catalogue,
    read_catalogue,
    vendor_of,
)
from translator.dialect import UPSTREAM_DIALECTS

DIRECTORY = Path(package.__file__).parent
FILES = sorted(DIRECTORY.glob("*.toml"))
VENDORS = [pytest.param(vendor, id=vendor.id) for vendor in CATALOGUE.values()]

# id, prefix, tier, cost, quota reset, models named: the product's table, P1 to P24.
PROMISES = [
    ("claude", "cc", "subscription", "$20/mo", "5 h rolling + weekly",
     "claude-opus-4-6 claude-sonnet-4-5-20250929 claude-haiku-4-5-20251001"),
    ("codex", "cx", "subscription", "$20-200/mo", "5 h + weekly", "gpt-5.2-codex gpt-5.1-codex-max"),
    ("gemini-cli", "gc", "subscription", "free", "180K completions/month + 1K/day",
     "gemini-3-flash-preview gemini-2.5-pro gemini-3-flash"),
    ("github", "gh", "subscription", "$10-19/mo", "monthly, on the 1st",
     "gpt-5 claude-4.5-sonnet gemini-3-pro gpt-5.1-codex"),
    ("deepseek", "ds", "apikey", "per use", "none", "deepseek-chat deepseek-reasoner"),
    ("groq", "groq", "apikey", "per use", "none",
     "llama-3.3-70b-versatile llama-4-maverick-17b-128e-instruct"),
    ("xai", "xai", "apikey", "per use", "none", "grok-4 grok-4-0709-fast-reasoning grok-code-mini"),
    ("mistral", "mistral", "apikey", "per use", "none", "mistral-large-2501 codestral-2501"),
    ("perplexity", "pplx", "apikey", "per use", "none", "sonar-pro sonar"),
    ("together", "together", "apikey", "per use", "none", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ("fireworks", "fireworks", "apikey", "per use", "none", "accounts/fireworks/models/deepseek-v3p1"),
    ("cerebras", "cerebras", "apikey", "per use", "none", "llama-3.3-70b"),
    ("cohere", "cohere", "apikey", "per use", "none", "command-r-plus-08-2024"),
    ("nvidia", "nvidia", "apikey", "per use", "none", "nvidia/llama-3.3-70b-instruct"),
    ("glm", "glm", "cheap", "$0.6/1M", "daily at 10:00", "glm-4.7"),
    ("minimax", "minimax", "cheap", "$0.2/1M", "5 h rolling", "MiniMax-M2.1"),
    ("kimi", "kimi", "cheap", "$9/mo flat", "10M tokens/month", "kimi-latest kimi-k2"),
    ("iflow", "if", "free", "$0", "unlimited",
     "kimi-k2-thinking qwen3-coder-plus glm-4.7 minimax-m2 minimax-m2.1 deepseek-r1"),
    ("qwen", "qw", "free", "$0", "unlimited", "qwen3-coder-plus qwen3-coder-flash"),
    ("kiro", "kr", "free", "$0", "unlimited", "claude-sonnet-4.5 claude-haiku-4.5"),
    ("openai", "openai", "apikey", "per use", "none", ""),
    ("anthropic", "anthropic", "apikey", "per use", "none", ""),
    ("gemini", "gemini", "apikey", "per use", "none", ""),
    ("deepgram", "deepgram", "audio", "per use", "none", "nova-3"),
    ("assemblyai", "assemblyai", "audio", "per use", "none", ""),
]  # fmt: skip

LOGINS = {
    "claude": [LoginFlow.AUTHORIZATION_CODE],
    "codex": [LoginFlow.AUTHORIZATION_CODE],
    "gemini-cli": [LoginFlow.AUTHORIZATION_CODE],
    "github": [LoginFlow.DEVICE_CODE],
    "iflow": [LoginFlow.AUTHORIZATION_CODE, LoginFlow.APIKEY],
    "qwen": [LoginFlow.DEVICE_CODE],
    "kiro": [LoginFlow.DEVICE_CODE, LoginFlow.AUTHORIZATION_CODE, LoginFlow.IMPORT],
    "demo": [LoginFlow.NONE],
}

SECRETS = re.compile(
    r"GOCSPX-|client_secret\s*=|\bsk-[\w-]{8,}|\bgh[opsu]_\w{8,}|\bAIza\w{8,}|\bxox[bp]-|\beyJ\w{8,}|-----BEGIN"
)
DISGUISES = {"user-agent", "x-app", "x-amz-user-agent", "x-goog-api-client", "version"}
NOT_OURS = re.compile(r"vscode|copilot-chat|claude-cli|codex.cli|stainless|electron|aws-sdk|google-api", re.I)


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: row[0])
def test_every_provider_of_the_products_table_is_there_as_promised(row: tuple[str, ...]) -> None:
    vendor_id, prefix, tier, cost, quota, models = row
    vendor = CATALOGUE[vendor_id]
    assert (vendor.prefix, vendor.tier, vendor.cost, vendor.quota_line) == (prefix, tier, cost, quota)
    for model_id in models.split():
        model = vendor.model(model_id)
        assert model and model.upstream_id and vendor.endpoint_of(model_id)


def test_beside_the_table_there_is_only_the_demo() -> None:
    assert CATALOGUE.keys() == {row[0] for row in PROMISES} | {"demo"}
    assert CATALOGUE.keys() == {path.stem for path in FILES}


@pytest.mark.parametrize("vendor", VENDORS)
def test_prefix_and_id_both_name_the_vendor(vendor: Vendor) -> None:
    assert vendor_of(vendor.prefix) is vendor_of(vendor.id) is vendor


def test_no_prefix_names_two_vendors() -> None:
    uses = Counter(prefix for vendor in CATALOGUE.values() for prefix in vendor.prefixes)
    assert max(uses.values()) == 1
    assert vendor_of("nobody") is None


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_vendor_connects_in_the_way_the_table_says(vendor: Vendor) -> None:
    flows = [login.flow for login in vendor.logins]
    assert flows == LOGINS.get(vendor.id, [LoginFlow.APIKEY])
    assert vendor.login.flow is flows[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_holds_a_secret(path: Path) -> None:
    assert not SECRETS.search(path.read_text(encoding="utf-8"))


def test_a_client_secret_is_named_by_its_environment_variables_only() -> None:
    needing = {vendor.id for vendor in CATALOGUE.values() if vendor.login.needs_secret}
    assert needing == {"gemini-cli", "iflow"}
    for vendor in CATALOGUE.values():
        for login in vendor.logins:
            names = login.client_id_env + login.client_secret_env
            assert all(re.fullmatch(r"[A-Z_]+_CLIENT_(ID|SECRET)", name) for name in names)


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_header_disguises_us_as_another_program(vendor: Vendor) -> None:
    assert all(name == name.lower() for name in vendor.headers)
    assert not DISGUISES & vendor.headers.keys()
    assert not any(NOT_OURS.search(f"{name}: {value}") for name, value in vendor.headers.items())


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_url_is_https_and_the_demo_stays_inside(vendor: Vendor) -> None:
    schemes = {urlsplit(url).scheme for url in vendor.endpoints.values()}
    assert schemes == ({"demo"} if vendor.id == "demo" else {"https"})
    assert urlsplit(vendor.website).scheme == ("" if vendor.id == "demo" else "https")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_redirect_leads_back_to_this_machine_or_is_pasted(vendor: Vendor) -> None:
    for login in vendor.logins:
        if login.redirect_uri.startswith("http://"):
            assert login.redirect_uri.startswith("http://localhost:")


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_price_names_its_source_and_date(vendor: Vendor) -> None:
    for model in vendor.models.values():
        if model.price:
            assert model.price.source and model.price.as_of == date(2026, 2, 26)
            assert isinstance(model.price.input, Decimal) and isinstance(model.price.output, Decimal)
            assert (model.price.cache_read or 0) <= model.price.input


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_paid_per_use_is_never_listed_as_free(vendor: Vendor) -> None:
    if vendor.tier == "apikey":
        assert all(model.price is None or model.price.input > 0 for model in vendor.models.values())


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_model_that_is_sent_under_another_name_costs_what_that_one_costs(vendor: Vendor) -> None:
    for model in vendor.models.values():
        other = vendor.model(model.upstream_id)
        if other:
            assert (model.price, model.dialect, model.type) == (other.price, other.dialect, other.type)
            assert other.upstream_id == other.id


@pytest.mark.parametrize("vendor", VENDORS)
def test_quota_rules_stand_in_time_zones_that_exist(vendor: Vendor) -> None:
    assert all(ZoneInfo(rule.zone) for rule in vendor.quotas)


def test_quota_rules_carry_the_numbers_of_the_table() -> None:
    month, day = CATALOGUE["gemini-cli"].quotas
    assert (month.kind, month.limit, day.kind, day.limit) == ("monthly", 180_000, "daily", 1_000)
    (glm,) = CATALOGUE["glm"].quotas
    assert (glm.kind, glm.at, glm.zone) == (QuotaKind.DAILY, time(10, 0), "Asia/Shanghai")
    (kimi,) = CATALOGUE["kimi"].quotas
    assert (kimi.kind, kimi.limit, kimi.unit) == (QuotaKind.MONTHLY, 10_000_000, QuotaUnit.TOKENS)
    assert CATALOGUE["github"].quotas[0].day == 1
    rolling, weekly = CATALOGUE["claude"].quotas
    assert (rolling.hours, weekly.kind) == (5, QuotaKind.WEEKLY)
    assert rolling.per_model and weekly.per_model


def test_flat_rates_and_free_tiers_are_told_apart_from_use_paid_by_the_token() -> None:
    flat = {vendor.id for vendor in CATALOGUE.values() if vendor.flat_rate}
    assert flat == {"claude", "codex", "gemini-cli", "github", "kimi", "iflow", "qwen", "kiro"}


def test_the_translators_dialects_go_by_the_same_names_here() -> None:
    assert {dialect.value for dialect in UPSTREAM_DIALECTS} <= {wire.value for wire in Wire}


def test_an_anthropic_key_goes_into_x_api_key_and_minimax_wants_bearer() -> None:
    assert CATALOGUE["anthropic"].auth is AuthStyle.X_API_KEY
    assert CATALOGUE["claude"].auth is CATALOGUE["minimax"].auth is AuthStyle.BEARER
    assert (CATALOGUE["deepgram"].auth, CATALOGUE["assemblyai"].auth) == (AuthStyle.TOKEN, AuthStyle.RAW)


def test_the_anthropic_beta_query_and_header_go_to_no_other_host() -> None:
    for vendor in CATALOGUE.values():
        assert not any("beta=true" in url for url in vendor.endpoints.values())
        assert "anthropic-beta" not in vendor.headers or vendor.id == "claude"


def test_cohere_is_asked_where_it_answers_in_the_shape_of_openai() -> None:
    assert CATALOGUE["cohere"].endpoint("chat") == "https://api.cohere.ai/compatibility/v1/chat/completions"


def test_usage_is_not_asked_for_where_the_question_is_refused() -> None:
    silent = {vendor.id for vendor in CATALOGUE.values() if not vendor.stream_usage}
    assert silent == {"mistral", "perplexity", "cohere"}


def test_tokens_are_counted_only_where_the_vendor_counts_them() -> None:
    counting = {vendor.id: vendor.endpoint(Capability.COUNT) for vendor in CATALOGUE.values()}
    assert {vendor_id for vendor_id, url in counting.items() if url} == {"anthropic", "claude", "gemini"}
    assert counting["claude"] == "https://api.anthropic.com/v1/messages/count_tokens"
    assert str(counting["gemini"]).endswith("/models/{model}:countTokens")


def test_a_stream_has_its_own_url_only_where_the_vendor_has_one() -> None:
    gemini, groq = CATALOGUE["gemini"], CATALOGUE["groq"]
    assert str(gemini.endpoint("chat_stream")).endswith("{model}:streamGenerateContent?alt=sse")
    assert groq.endpoint("chat_stream") == groq.endpoint("chat")
    assert groq.endpoint(Capability.RERANK) is None


def test_copilots_codex_models_are_asked_in_the_responses_dialect() -> None:
    github = CATALOGUE["github"]
    assert github.dialect_of("gpt-5.1-codex") is Wire.RESPONSES
    assert github.endpoint_of("gpt-5.1-codex") == "https://api.githubcopilot.com/responses"
    assert github.dialect_of("gpt-5") is Wire.OPENAI


def test_a_model_of_another_type_is_asked_at_its_own_endpoint() -> None:
    openai = CATALOGUE["openai"]
    assert openai.endpoint_of("text-embedding-3-small") == openai.endpoint("embeddings")
    assert openai.endpoint_of("whisper-1") == openai.endpoint("transcription")
    assert {model.type for model in openai.models.values()} == set(ModelType) - {ModelType.RERANK}


def test_an_unknown_model_is_passed_through_as_a_chat_model() -> None:
    groq = CATALOGUE["groq"]
    assert groq.model("brand-new") is None
    assert groq.upstream_id("brand-new") == "brand-new"
    assert groq.dialect_of("brand-new") is Wire.OPENAI
    assert groq.endpoint_of("brand-new") == groq.endpoint("chat")


def test_the_guides_own_names_are_sent_as_the_vendor_knows_them() -> None:
    assert CATALOGUE["gemini-cli"].upstream_id("gemini-3-flash") == "gemini-3-flash-preview"
    assert CATALOGUE["github"].upstream_id("claude-4.5-sonnet") == "claude-sonnet-4.5"
    assert CATALOGUE["xai"].upstream_id("grok-code-mini") == "grok-code-fast-1"


def test_the_demo_needs_no_key_and_shows_a_cost() -> None:
    demo = CATALOGUE["demo"]
    assert (demo.auth, demo.endpoint("chat")) == (AuthStyle.NONE, "demo://local/v1/chat/completions")
    failing = {"fail-401", "fail-429", "fail-500", "fail-503", "fail-midstream"}
    assert demo.models.keys() == {"echo", "lorem", "tool"} | failing
    for model in demo.models.values():
        assert model.price and (model.price.input, model.price.output) == (Decimal("0.15"), Decimal("0.60"))


def test_reading_twice_gives_the_same_and_only_the_first_time_reads() -> None:
    assert read_catalogue(DIRECTORY) == read_catalogue(DIRECTORY) == CATALOGUE
    assert catalogue() is catalogue() is package.CATALOGUE


def test_nothing_in_the_catalogue_can_be_changed() -> None:
    with pytest.raises(TypeError):
        CATALOGUE["groq"] = CATALOGUE["xai"]  # type: ignore[index]
    with pytest.raises(TypeError):
        CATALOGUE["groq"].models["x"] = CATALOGUE["xai"].models["grok-4"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        CATALOGUE["groq"].name = "another"  # type: ignore[misc]


def test_reading_needs_neither_django_nor_a_http_client() -> None:
    program = (
        "import sys, providers.catalogue as c; c.catalogue();"
        "sys.exit(sum(m.split('.')[0] in ('django', 'httpx') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=DIRECTORY.parents[1]).returncode == 0


VALID = """
id = "acme"
name = "Acme"
prefix = "ac"
prefixes = ["ac", "acme"]
tier = "apikey"
cost = "per use"
dialect = "openai"
auth = "bearer"
logins = [{ flow = "apikey" }]

[endpoints]
chat = "https://api.acme.test/v1/chat/completions"

[prices]
source = "acme.test/prices"
as_of = 2026-02-26

[models.chat]
"small" = { name = "Small", price = { input = 1, output = 2.5 } }
"""

WRONG = [
    ("id", 'id = "acme"', 'id = "other"'),
    ("name", 'name = "Acme"', "name = 5"),
    ("cost", 'cost = "per use"', ""),
    ("prefixes", '["ac", "acme"]', '["acme"]'),
    ("prefixes[1]", '["ac", "acme"]', '["ac", 1]'),
    ("tier", '"apikey"', '"premium"'),
    ("dialect", '"openai"', '"esperanto"'),
    ("auth", '"bearer"', '"basic"'),
    ("colour", 'cost = "per use"', 'cost = "per use"\ncolour = "red"'),
    ("flat_rate", 'cost = "per use"', 'cost = "per use"\nflat_rate = 1'),
    ("logins", '[{ flow = "apikey" }]', "[]"),
    ("logins[0].flow", 'flow = "apikey"', 'flow = "magic"'),
    ("logins[0].client_secret", 'flow = "apikey"', 'flow = "apikey", client_secret = "x"'),
    ("logins[0].authorize_url", 'flow = "apikey"', 'flow = "authorization_code"'),
    ("logins[0].device_url", 'flow = "apikey"', 'flow = "device_code", device_url = "http://a.test"'),
    ("quotas[0].kind", "logins = ", 'quotas = [{ kind = "hourly", label = "1 h" }]\nlogins = '),
    ("quotas[0].hours", "logins = ", 'quotas = [{ kind = "rolling", label = "5 h" }]\nlogins = '),
    ("quotas[0].limit", "logins = ", 'quotas = [{ kind = "daily", label = "few", limit = 1.5 }]\nlogins = '),
    ("endpoints.chat", "https://api", "http://api"),
    ("endpoints.chat", "chat = ", "models = "),
    ("endpoints.talk", "chat = ", "talk = "),
    ("models.poem", "[models.chat]", "[models.poem]"),
    ("models.chat.small.context", 'name = "Small"', 'name = "Small", context = 8'),
    ("models.chat.small.context_window", 'name = "Small"', 'name = "Small", context_window = "8"'),
    ("models.chat.small.price.output", "output = 2.5", 'output = "2.5"'),
    ("models.chat.small.price.input", "input = 1,", "input = -1,"),
    ("models.chat.small.price.input", "input = 1,", "input = true,"),
    ("models.chat.small.price.source", 'source = "acme.test/prices"\n', ""),
    ("models.chat.small.id", 'name = "Small"', 'id = "large", name = "Small"'),
    ("models.chat.small", "[models.chat]", '[models.image]\n"small" = { name = "Small" }\n[models.chat]'),
]


def test_a_new_vendor_is_one_new_file(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(VALID)
    acme = read_catalogue(tmp_path)["acme"]
    small = acme.models["small"]
    assert small.price and (small.price.output, small.price.source) == (Decimal("2.5"), "acme.test/prices")
    assert (small.upstream_id, acme.quota_line, str(acme)) == ("small", "none", "Acme")


@pytest.mark.parametrize(("key", "right", "wrong"), WRONG, ids=[f"{row[0]} {row[2]}"[:60] for row in WRONG])
def test_a_mistake_is_reported_with_file_and_key(tmp_path: Path, key: str, right: str, wrong: str) -> None:
    assert right in VALID
    (tmp_path / "acme.toml").write_text(VALID.replace(right, wrong, 1))
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(tmp_path)
    assert (caught.value.file, caught.value.key) == ("acme.toml", key)
    assert str(caught.value).startswith(f"acme.toml: {key}: ")


@pytest.mark.parametrize("content", [b"id = ", b"a = 1\na = 2", b'a = "\xff"'], ids=["cut", "twice", "latin"])
def test_a_file_that_is_no_toml_is_reported_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.toml").write_bytes(content)
    with pytest.raises(CatalogueError, match="broken.toml: is not TOML"):
        read_catalogue(tmp_path)


def test_a_prefix_of_another_vendor_is_refused(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(VALID)
    (tmp_path / "bravo.toml").write_text(VALID.replace('"acme"', '"bravo"'))
    with pytest.raises(CatalogueError, match="bravo.toml: prefixes: 'ac' is already acme's"):
        read_catalogue(tmp_path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_toml_any_reader_understands(path: Path) -> None:
    assert tomllib.loads(path.read_text(encoding="utf-8"))["id"] == path.stem
