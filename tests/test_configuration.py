"""Every change of a row that requests obey moves the stamp, whichever way it is made."""

from datetime import date

import pytest
from django.core.management import call_command

from billing.models import Pricing
from billing.prices.price_list import sync_prices
from combos.models import Combo, ComboTarget, FallbackChain, FallbackStep, ModelAlias, RoutingSettings
from providers import configuration
from providers.catalogue import catalogue
from providers.models import Model, Provider, ProviderConnection, ProviderNode, Source, UpstreamSettings
from providers.sync import sync_catalogue

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(slug="acme", name="Acme", prefix="acme", tier="own")


def test_saving_updating_and_deleting_move_the_stamp(provider: Provider) -> None:
    deeds = [
        lambda: Combo.objects.create(name="fast"),
        lambda: ComboTarget.objects.create(combo=Combo.objects.get(), model="acme/x"),
        lambda: Combo.objects.update(is_enabled=False),
        lambda: Model.objects.bulk_create([Model(provider=provider, model_id="x")]),
        lambda: Model.objects.bulk_update(Model.objects.all(), ["name"]),
        lambda: UpstreamSettings(pk=1, gap_timeout_seconds=5).save(),
        lambda: ComboTarget.objects.all().delete(),
        lambda: ModelAlias.objects.create(pattern="gpt-*", target="fast"),
        lambda: ModelAlias.objects.update(is_enabled=False),
        lambda: FallbackChain.objects.create(name="last"),
        lambda: FallbackStep.objects.create(chain=FallbackChain.objects.get(), model="acme/x"),
        lambda: FallbackChain.objects.all().delete(),
        lambda: RoutingSettings(pk=1, sticky_limit=5).save(),
        lambda: ProviderConnection.objects.create(provider=provider, name="a"),
        lambda: provider.delete(),
    ]
    for deed in deeds:
        before = configuration.version()
        deed()
        assert configuration.version() > before


def test_a_change_of_nothing_leaves_the_stamp(provider: Provider) -> None:
    before = configuration.version()
    Combo.objects.filter(name="none").update(is_enabled=False)
    assert configuration.version() == before


class TestCatalogueSync:
    def test_the_second_sync_changes_nothing(self) -> None:
        assert sync_catalogue()["providers added"] == len(catalogue())
        call_command("sync_catalogue", verbosity=0)
        before = configuration.version()
        assert not any(sync_catalogue().values())
        assert configuration.version() == before

    def test_operators_choices_and_rows_stay(self) -> None:
        sync_catalogue()
        Provider.objects.filter(slug="openai").update(is_enabled=False)
        openai = Provider.objects.get(slug="openai")
        Model.objects.create(provider=openai, model_id="my-own", name="Mine")
        Model.objects.filter(provider=openai, model_id="gpt-5").update(is_enabled=False)
        sync_catalogue()
        assert not Provider.objects.get(slug="openai").is_enabled
        assert not openai.models.get(model_id="gpt-5").is_enabled
        assert openai.models.get(model_id="my-own").name == "Mine"

    def test_a_model_that_left_the_catalogue_goes_but_an_operators_stays(self) -> None:
        sync_catalogue()
        openai = Provider.objects.get(slug="openai")
        Model.objects.create(provider=openai, model_id="gone", source=Source.CATALOGUE)
        Model.objects.create(provider=openai, model_id="kept", source=Source.OPERATOR)
        assert sync_catalogue()["models removed"] == 1
        assert openai.models.filter(model_id="kept").exists()

    def test_the_demo_is_connected_once(self) -> None:
        sync_catalogue()
        ProviderConnection.objects.get(provider_id="demo").delete()
        sync_catalogue()
        assert not ProviderConnection.objects.filter(provider_id="demo").exists()

    def test_a_node_keeps_a_name_that_a_vendor_takes_later(self) -> None:
        ProviderNode.objects.create(slug="groq", prefix="groq", name="My server", tier="own", base_url="http://x/v1")
        sync_catalogue()
        assert Provider.objects.get(slug="groq").name == "My server"

    def test_prices_say_where_they_come_from_and_an_operators_stay(self) -> None:
        sync_catalogue()
        sync_prices(date(2026, 11, 1))
        assert Pricing.objects.get(provider_id="openai", model_id="gpt-5").source == "genai-prices"
        assert Pricing.objects.get(provider_id="demo", model_id="echo").source == "catalogue"
        Pricing.objects.filter(provider_id="openai", model_id="gpt-5").update(input_per_million=9, source="operator")
        assert not any(sync_prices(date(2026, 11, 2)).values())
        assert Pricing.objects.get(provider_id="openai", model_id="gpt-5").input_per_million == 9
