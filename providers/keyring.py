"""Deeds on the vault that need the database: the check at every start, and the rotation of the encryption key."""

from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from providers import vault
from providers.models import Canary, ProviderConnection
from providers.vault import Vault, VaultError

CANARY = "encryption"
CANARY_TEXT = "the vault opens"
CANARY_PLACE = "secret_canaries.value.encryption"


def open_vault(directory: Path) -> Vault:
    """The installation's vault, after proof that it fits this database; a new one where nothing was ever sealed.

    Raises VaultError and changes nothing when sealed rows exist and the key file is missing, damaged or another's.
    """
    keys = vault.load(directory)
    canary = Canary.objects.filter(pk=CANARY).first()
    if canary is None:
        return _first_time(keys, directory)
    if not keys.keys:
        raise VaultError(
            f"This database holds sealed credentials, but {directory / vault.KEY_FILE} is missing. Restore that file "
            "from your backup, or point DATA_DIR to the directory it is in. Nothing was changed."
        )
    keys.open(canary.value, CANARY_PLACE)
    return keys


def _first_time(keys: Vault, directory: Path) -> Vault:
    if ProviderConnection.objects.exclude(sealed_api_key="").exists():
        raise VaultError("This database holds sealed credentials, but no canary to check the encryption key with.")
    keys = keys if keys.keys else vault.make_first(directory)
    Canary.objects.get_or_create(pk=CANARY, defaults={"value": keys.seal(CANARY_TEXT, CANARY_PLACE)})
    return keys


def rotate(directory: Path) -> int:
    """Make a new key and seal every secret anew with it; how many were. The old key stays until `retire`.

    The key file is written first, so that at every moment each worker finds the key a row names.
    """
    keys = open_vault(directory).with_new_key()
    vault.save(keys, directory)
    with transaction.atomic():
        canary = Canary.objects.select_for_update().get(pk=CANARY)
        canary.value = keys.seal(CANARY_TEXT, CANARY_PLACE)
        canary.save(update_fields=["value"])
        return sum(_reseal(connection, keys) for connection in _sealed())


def retire(directory: Path) -> int:
    """Forget the old keys; how many. Raises VaultError while a row still needs one of them."""
    keys = open_vault(directory)
    with transaction.atomic():
        for connection in _sealed():
            if not keys.opens_with_newest(connection.sealed_api_key):
                raise VaultError(f"{connection} is still sealed with an old key. Rotate first.")
        vault.save(keys.without_old_keys(), directory)
    return len(keys.keys) - 1


def _sealed() -> Iterator[ProviderConnection]:
    return ProviderConnection.objects.select_for_update().exclude(sealed_api_key="").iterator()


def _reseal(connection: ProviderConnection, keys: Vault) -> bool:
    """Conditional, since an operator may store another secret meanwhile; that one is already sealed anew."""
    place = connection.place_of_api_key()
    fresh = keys.seal(keys.open(connection.sealed_api_key, place), place)
    same = ProviderConnection.objects.filter(pk=connection.pk, sealed_api_key=connection.sealed_api_key)
    return same.update(sealed_api_key=fresh) == 1
