"""Credentials at rest: AES-256-GCM, the key outside the database, its id inside every ciphertext.

A ciphertext reads `v1:<key id>:<base64 of nonce and sealed bytes>` and opens only at the place it was sealed for
(table, column and row are authenticated with it), so copying one row's secret into another gives nothing. Keys stand
in DATA_DIR/encryption.keys, newest first, one `<key id>:<base64 of 32 bytes>` a line.

Law: a key is made only where nothing has been sealed yet. With sealed rows and no fitting key the product does not
start, since anything it made up in their place would lose them for good.
"""

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from providers.private_files import replace, write_once

VERSION = "v1"
NONCE_BYTES = 12
KEY_FILE = "encryption.keys"


class VaultError(Exception):
    """A secret cannot be opened, or there is no key to seal with. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Vault:
    """The keys, newest first. Sealing takes the first; opening takes the one the ciphertext names."""

    keys: tuple[tuple[str, bytes], ...]

    def seal(self, secret: str, place: str) -> str:
        """The ciphertext of `secret` for `place`, which is `table.column.row`."""
        if not self.keys:
            raise VaultError(f"There is no encryption key. Start with `manage.py up`, or restore {KEY_FILE}.")
        key_id, key = self.keys[0]
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, secret.encode(), _bound_to(place))
        return f"{VERSION}:{key_id}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, ciphertext: str, place: str) -> str:
        """Raises VaultError: no such key, tampered with, or sealed for another place."""
        key_id, sealed = _parse(ciphertext)
        key = dict(self.keys).get(key_id)
        if key is None:
            raise VaultError(f"The encryption key {key_id} is not in {KEY_FILE}. Restore that file from your backup.")
        try:
            return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(place)).decode()
        except InvalidTag:
            raise VaultError(f"The secret at {place} was altered, or sealed for another row.") from None

    def opens_with_newest(self, ciphertext: str) -> bool:
        return bool(self.keys) and _parse(ciphertext)[0] == self.keys[0][0]

    def with_new_key(self) -> "Vault":
        return Vault(((secrets.token_hex(4), os.urandom(32)), *self.keys))

    def without_old_keys(self) -> "Vault":
        return Vault(self.keys[:1])


def load(directory: Path) -> Vault:
    """The vault of this installation; without keys while its file does not exist."""
    path = directory / KEY_FILE
    if not path.exists():
        return Vault(())
    try:
        return Vault(tuple(_parse_key(line) for line in path.read_text().split()))
    except ValueError as error:
        raise VaultError(f"{path} is damaged ({error}). Restore it from your backup.") from None


def save(vault: Vault, directory: Path) -> None:
    replace(directory / KEY_FILE, _lines(vault))


def make_first(directory: Path) -> Vault:
    """Make the first key. Of two processes that start at once, both get the key of the first."""
    write_once(directory / KEY_FILE, _lines(Vault(()).with_new_key()))
    return load(directory)


def _lines(vault: Vault) -> str:
    return "".join(f"{key_id}:{base64.b64encode(key).decode()}\n" for key_id, key in vault.keys)


def _parse_key(line: str) -> tuple[str, bytes]:
    key_id, _, encoded = line.partition(":")
    key = base64.b64decode(encoded, validate=True)
    if len(key) != 32:
        raise ValueError(f"the key {key_id} has {len(key)} bytes where 32 are needed")
    return key_id, key


def _parse(ciphertext: str) -> tuple[str, bytes]:
    version, _, rest = ciphertext.partition(":")
    key_id, _, encoded = rest.partition(":")
    try:
        if version != VERSION:
            raise ValueError("unknown version")
        return key_id, base64.b64decode(encoded, validate=True)
    except ValueError:
        raise VaultError("This is not a secret sealed by OmniRoute.") from None


def _bound_to(place: str) -> bytes:
    return f"omniroute:{place}".encode()
