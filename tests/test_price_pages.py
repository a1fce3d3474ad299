"""The pages of prices: both units, what looks wrong is asked about, and nothing is changed without a trace."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from billing.models import PriceChange, PriceSource, Pricing
from billing.prices.price_list import sync_prices
from providers.catalogue import catalogue
from providers.models import ProviderConnection
from providers.sync import sync_catalogue
from tests.dashboard import make_provider, text_of
from tests.test_pricing import TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

ADD = "/admin/billing/pricing/add/"
NEW = {"provider": "groq", "model_id": "mine"}


def prices(**typed: str) -> dict[str, str]:
    return {"input_per_million": "3", "output_per_million": "15"} | typed


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response.headers
    return dict(response.context["adminform"].form.errors)


@pytest.fixture
def shipped() -> Pricing:
    sync_catalogue()
    sync_prices(TODAY)
    return Pricing.objects.get(provider="anthropic", model_id="claude-sonnet-4-5-20250929")


def form_of(page: Client, row: Pricing) -> dict[str, Any]:
    """What a browser would send back."""
    form = page.get(f"/admin/billing/pricing/{row.pk}/change/").context["adminform"].form
    return {name: value for name in form.fields if (value := form[name].value()) not in (None, False)}


def test_a_price_may_be_typed_for_a_thousand_tokens(page: Client, owner: User) -> None:
    make_provider()
    typed = prices(unit="1k", input_per_million="0.000000175", output_per_million="0.0006", per_request="0.01")
    form = NEW | typed | {"confirmed": "on", "tier_above": "1000", "tier_input": "0.001"}
    assert page.post(ADD, form).status_code == 302
    row = Pricing.objects.get()
    assert (row.input_per_million, row.output_per_million) == (Decimal("0.000175"), Decimal("0.6"))
    assert (row.per_request, row.tiers) == (Decimal("0.01"), [{"above": 1000, "input": "1"}])
    entry = PriceChange.objects.get()
    assert (row.version, entry.changed_by, entry.source) == (entry.pk, owner.username, "operator")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (prices(input_per_million="-1"), "input_per_million"),
        (prices(input_per_million="NaN"), "input_per_million"),
        (prices(input_per_million="Infinity"), "input_per_million"),
        (prices(input_per_million="1e30"), "input_per_million"),
        (prices(input_per_million="100000000", confirmed="on"), "input_per_million"),
        (prices(input_per_million="0.1234567"), "input_per_million"),
        (prices(unit="1k", audio_input_per_million="0.0000000001"), "audio_input_per_million"),
        (prices(unit="1g"), "unit"),
        (prices(output_per_million=""), "output_per_million"),
        (prices(tier_input="1"), "tier_above"),
        (prices(tier_above="5"), "tier_above"),
        (prices(tier_above="0", tier_input="1"), "tier_above"),
        (prices(tier_above="5", tier_input="0.1234567"), "tier_input"),
        (prices(provider="nobody"), "provider"),
    ],
)
def test_a_price_that_is_none_is_refused_at_its_field(page: Client, typed: dict[str, str], field: str) -> None:
    make_provider()
    assert field in errors_of(page.post(ADD, NEW | typed))
    assert not Pricing.objects.exists()


def test_a_model_has_one_price(page: Client) -> None:
    Pricing.objects.create(provider=make_provider(), model_id="mine", input_per_million=1, output_per_million=2)
    assert errors_of(page.post(ADD, NEW | prices()))


@pytest.mark.parametrize("typed", ["0.003", "3000", "300"])
def test_a_price_far_from_the_shipped_one_has_to_be_confirmed(page: Client, shipped: Pricing, typed: str) -> None:
    address, form = f"/admin/billing/pricing/{shipped.pk}/change/", form_of(page, shipped)
    answer = page.post(address, form | {"input_per_million": typed})
    assert "far from $3.00" in errors_of(answer)["confirmed"][0]
    assert 'type="checkbox" name="confirmed"' in text_of(answer)
    assert page.post(address, form | {"input_per_million": typed, "confirmed": "on"}).status_code == 302
    shipped.refresh_from_db()
    assert shipped.input_per_million == Decimal(typed)


@pytest.mark.parametrize(("typed", "is_asked"), [("0.000003", True), ("3000", True), ("0", False), ("0.02", False)])
def test_an_unknown_models_price_has_to_be_a_usual_one(page: Client, typed: str, is_asked: bool) -> None:
    make_provider()
    answer = page.post(ADD, NEW | prices(input_per_million=typed))
    assert answer.status_code == (200 if is_asked else 302)


def test_saving_a_form_as_it_was_changes_nothing(page: Client, shipped: Pricing) -> None:
    before = PriceChange.objects.count()
    assert page.post(f"/admin/billing/pricing/{shipped.pk}/change/", form_of(page, shipped)).status_code == 302
    shipped.refresh_from_db()
    assert (shipped.source, PriceChange.objects.count()) == (PriceSource.GENAI_PRICES, before)


def test_what_the_form_does_not_show_is_kept(page: Client) -> None:
    tiers = [{"above": 10, "input": "2"}, {"above": 20, "input": "3", "audio_input": "9"}]
    row = Pricing.objects.create(
        provider=make_provider(), model_id="mine", input_per_million=1, output_per_million=2, tiers=tiers
    )
    page.post(f"/admin/billing/pricing/{row.pk}/change/", form_of(page, row) | {"output_per_million": "3"})
    row.refresh_from_db()
    assert (row.output_per_million, row.tiers) == (3, tiers)


def test_a_price_tells_its_source_its_version_and_its_history(page: Client, shipped: Pricing) -> None:
    address = f"/admin/billing/pricing/{shipped.pk}/change/"
    assert f"genai-prices 0.2.3, version {shipped.version}" in text_of(page.get(address))
    page.post(address, form_of(page, shipped) | {"input_per_million": "4"})
    shown = text_of(page.get(address))
    assert f"operator, version {PriceChange.objects.first().pk}" in shown  # type: ignore[union-attr]
    assert "$4.00" in shown and "genai-prices 0.2.3" in shown
    assert "US$ 3 in and 15 out" in shown


def test_a_price_is_taken_back_on_its_page_and_from_the_list(page: Client, shipped: Pricing) -> None:
    address = f"/admin/billing/pricing/{shipped.pk}"
    for take_back in (
        lambda: page.post(f"{address}/delete/", {"post": "yes"}),
        lambda: page.post("/admin/billing/pricing/", {"action": "reset", "_selected_action": [str(shipped.pk)]}),
    ):
        page.post(f"{address}/change/", form_of(page, shipped) | {"input_per_million": "4"})
        assert Pricing.objects.get(pk=shipped.pk).source == PriceSource.OPERATOR
        assert take_back().status_code == 302
        row = Pricing.objects.get(provider="anthropic", model_id=shipped.model_id)
        assert (row.source, row.input_per_million) == (PriceSource.GENAI_PRICES, 3)
    assert page.post(f"{address}/delete/", {"post": "yes"}).status_code == 403, "what is shipped is not deleted"


def test_the_list_shows_either_unit_and_the_other_on_hover(page: Client) -> None:
    Pricing.objects.create(provider=make_provider(), model_id="mine", input_per_million="2.5", output_per_million=10)
    assert '<span title="$0.0025 / 1K">$2.50&nbsp;/&nbsp;1M</span>' in text_of(page.get("/admin/billing/pricing/"))
    shown = text_of(page.get("/admin/billing/pricing/?unit=1k"))
    assert '<span title="$2.50 / 1M">$0.0025&nbsp;/&nbsp;1K</span>' in shown


@pytest.mark.usefixtures("shipped")
def test_pricing_at_a_glance_is_the_catalogues_table(page: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(15):
        shown = text_of(page.get("/admin/billing/pricing/glance/"))
    for vendor in catalogue().values():
        assert vendor.name in shown and vendor.cost in shown and vendor.quota_line in shown
    for words in ("cc/claude-opus-4-6", "$5.00 / $25.00", "1K/day", "no price per token"):
        assert words in shown
    assert shown.index("Claude Code") < shown.index("DeepSeek") < shown.index("MiniMax") < shown.index("Kiro")


def test_a_glance_at_nothing_says_what_to_do(page: Client) -> None:
    assert "sync_catalogue" in text_of(page.get("/admin/billing/pricing/glance/"))


def test_what_is_taken_back_is_told_before(page: Client, shipped: Pricing) -> None:
    page.post(f"/admin/billing/pricing/{shipped.pk}/change/", form_of(page, shipped) | {"input_per_million": "4"})
    shown = text_of(page.get(f"/admin/billing/pricing/{shipped.pk}/delete/"))
    assert "US$ 3 in and 15 out" in shown and "Back to the shipped price" in shown


@pytest.mark.parametrize(
    ("provider", "billing", "told", "column"),
    [
        ("groq", "auto", "its list price: Groq is paid by use", "list price"),
        ("glm", "flat", "its list price: GLM is paid by use", "nothing"),
        ("kimi", "auto", "nothing: Kimi is a flat rate or free ($9/mo flat)", "nothing"),
    ],
)
def test_a_connection_says_what_another_request_costs(
    page: Client, provider: str, billing: str, told: str, column: str
) -> None:
    sync_catalogue()
    row = ProviderConnection.objects.create(provider_id=provider, name="work", billing=billing)
    assert told in text_of(page.get(f"/admin/providers/providerconnection/{row.pk}/change/"))
    assert f">{column}</span>" in text_of(page.get(f"/admin/providers/providerconnection/?provider={provider}"))
