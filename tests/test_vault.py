"""Credentials at rest: sealed for one place, opened with the key they name, and never lost to a new key."""

from pathlib import Path

import pytest

from providers import keyring, vault
from providers.models import Canary, Provider, ProviderConnection, Tier
from providers.vault import Vault, VaultError

KEYS = Vault(()).with_new_key()


def test_a_secret_opens_only_where_it_was_sealed() -> None:
    sealed = KEYS.seal("sk-secret", "table.column.1")
    assert KEYS.open(sealed, "table.column.1") == "sk-secret"
    with pytest.raises(VaultError, match="altered"):
        KEYS.open(sealed, "table.column.2")


def test_a_flipped_bit_is_noticed() -> None:
    sealed = KEYS.seal("sk-secret", "place")
    middle = len(sealed) // 2
    flipped = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    with pytest.raises(VaultError):
        KEYS.open(flipped, "place")


def test_a_text_that_was_never_sealed_is_refused() -> None:
    for text in ("sk-plain", "v1:", "v2:a:b", "v1:a:?", ""):
        with pytest.raises(VaultError):
            KEYS.open(text, "place")


def test_a_ciphertext_names_its_key_and_old_keys_still_open_it() -> None:
    old = KEYS.seal("x", "place")
    rotated = KEYS.with_new_key()
    assert rotated.open(old, "place") == "x"
    assert not rotated.opens_with_newest(old)
    with pytest.raises(VaultError, match="Restore"):
        rotated.without_old_keys().open(old, "place")


def test_the_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    vault.make_first(tmp_path)
    assert (tmp_path / vault.KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_second_start_keeps_the_key(tmp_path: Path) -> None:
    assert vault.make_first(tmp_path) == vault.make_first(tmp_path) == vault.load(tmp_path)


@pytest.mark.parametrize("text", ["abc", "id:notbase64!", "id:QUJD"])
def test_a_damaged_key_file_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / vault.KEY_FILE).write_text(text)
    with pytest.raises(VaultError, match="damaged"):
        vault.load(tmp_path)


@pytest.mark.django_db
class TestKeyring:
    @pytest.fixture
    def connection(self, tmp_path: Path, settings: object) -> ProviderConnection:
        settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
        keyring.open_vault(tmp_path)
        provider = Provider.objects.create(slug="acme", name="Acme", prefix="acme", tier=Tier.OWN)
        connection = ProviderConnection(provider=provider, name="main")
        connection.seal_api_key("sk-secret")
        connection.save()
        return connection

    def test_a_start_without_the_key_file_refuses_and_makes_no_new_one(
        self, connection: ProviderConnection, tmp_path: Path
    ) -> None:
        (tmp_path / vault.KEY_FILE).unlink()
        with pytest.raises(VaultError, match="Restore that file"):
            keyring.open_vault(tmp_path)
        assert not (tmp_path / vault.KEY_FILE).exists()

    def test_a_start_with_another_key_file_refuses(self, connection: ProviderConnection, tmp_path: Path) -> None:
        vault.save(Vault(()).with_new_key(), tmp_path)
        with pytest.raises(VaultError):
            keyring.open_vault(tmp_path)

    def test_sealed_rows_without_a_canary_are_not_given_a_new_key(
        self, connection: ProviderConnection, tmp_path: Path
    ) -> None:
        Canary.objects.all().delete()
        (tmp_path / vault.KEY_FILE).unlink()
        with pytest.raises(VaultError):
            keyring.open_vault(tmp_path)
        assert not (tmp_path / vault.KEY_FILE).exists()

    def test_rotation_seals_every_row_anew_and_retiring_forgets_the_old_key(
        self, connection: ProviderConnection, tmp_path: Path
    ) -> None:
        before = connection.sealed_api_key
        assert keyring.rotate(tmp_path) == 1
        connection.refresh_from_db()
        assert connection.sealed_api_key != before
        assert keyring.retire(tmp_path) == 1
        keys = keyring.open_vault(tmp_path)
        assert keys.open(connection.sealed_api_key, connection.place_of_api_key()) == "sk-secret"
        assert len(keys.keys) == 1

    def test_an_old_key_that_a_row_needs_is_not_forgotten(self, connection: ProviderConnection, tmp_path: Path) -> None:
        before = connection.sealed_api_key
        keyring.rotate(tmp_path)
        ProviderConnection.objects.update(sealed_api_key=before)
        with pytest.raises(VaultError, match="Rotate first"):
            keyring.retire(tmp_path)
