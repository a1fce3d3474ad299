"""The headers of a call: who we are, what the vendor or the dialect requires, and the credential in its place."""

from collections.abc import Mapping

import httpx

from providers.catalogue import AuthStyle, Vendor
from translator.dialect import Dialect

USER_AGENT = b"OmniRoute/0.1"

AUTHORIZATIONS: Mapping[AuthStyle, tuple[bytes, bytes]] = {
    AuthStyle.BEARER: (b"authorization", b"Bearer %s"),
    AuthStyle.TOKEN: (b"authorization", b"Token %s"),
    AuthStyle.RAW: (b"authorization", b"%s"),
    AuthStyle.X_API_KEY: (b"x-api-key", b"%s"),
    AuthStyle.X_GOOG_API_KEY: (b"x-goog-api-key", b"%s"),
}
STYLES: Mapping[Dialect, AuthStyle] = {
    Dialect.OPENAI: AuthStyle.BEARER,
    Dialect.RESPONSES: AuthStyle.BEARER,
    Dialect.CLAUDE: AuthStyle.X_API_KEY,
    Dialect.GEMINI: AuthStyle.X_GOOG_API_KEY,
}
REQUIRED: Mapping[Dialect, Mapping[str, str]] = {Dialect.CLAUDE: {"anthropic-version": "2023-06-01"}}


def of_vendor(vendor: Vendor, secret: str) -> httpx.Headers:
    return _headers(vendor.auth, vendor.headers, secret)


def of_node(dialect: Dialect, secret: str) -> httpx.Headers:
    """As that dialect's own vendor wants them."""
    return _headers(STYLES[dialect], REQUIRED.get(dialect, {}), secret)


def _headers(style: AuthStyle, required: Mapping[str, str], secret: str) -> httpx.Headers:
    fixed = [(b"content-type", b"application/json"), (b"user-agent", USER_AGENT)]
    fixed += [(name.lower().encode(), value.encode()) for name, value in required.items()]
    if secret and style in AUTHORIZATIONS:
        name, form = AUTHORIZATIONS[style]
        fixed.append((name, form % secret.encode()))
    return httpx.Headers(fixed)
