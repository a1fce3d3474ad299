"""Job: what people and models wrote, fit to be kept: without secrets, without media, cut to a size.

Law: pure functions of bytes and text. Rather a word too many taken for a secret than a secret kept. The work is bounded
by the size that is asked for, and by one quick pass over each piece of media, however long the whole is.
"""

import re

MARGIN = 4096
"""Bytes beyond the cut that are read too, so that a secret which it would cut in two is still known for one."""
WINDOW = 1 << 20
"""Media is passed over in steps of so many bytes, between which other threads have their turn."""
REMOVED = "[redacted]"

BASE64 = rb"[A-Za-z0-9+/_-]"
MEDIA = re.compile(
    rb'(?:base64,|"data"\s*:\s*")(?=' + BASE64 + rb"{64})|(?<!" + BASE64 + rb")(?=" + BASE64 + rb"{512})"
)
"""Where media begins: a data URL, a member that holds some, or what is too long without a pause to be words."""
MORE_MEDIA = re.compile(rb"(?:" + BASE64 + rb"++|\\[/nr]|=)*+")
"""It goes on over line breaks, and over slashes that some clients escape."""

NAMES = (
    r"[aAsSpPeExXrRiIbBcC](?i:pi[_-]?key|(?:ecret|ccess|rivate|igning|ncryption)[_-]?(?:access[_-]?)?key|-goog-api-key"
    r"|uthorization|assw(?:or)?d|(?:ccess|efresh|d|uth|ession|ot)[_-]?token|(?:lient[_-]?s)?ecret|ookie|redentials?)"
)
"""The first letters stand apart, since that makes the search four times as quick."""
VALUE = (
    r"(?i:(\\*[\"']?\s*[:=]\s*)(?:(\\*[\"'])(?:(?!\3)(?:\\.|.)){1,4096}"
    r"|(?:(?:bearer|basic|token)\s+)?[^\s\"'\\,;&{}\[\]<>()]{3,}))"
)
NAMED = re.compile(f"({NAMES}){VALUE}")
"""A name that says secret, and its value: quoted, in JSON within JSON, or as a shell writes it."""
BEARER = re.compile(r"([bB](?i:earer))\s+[\w.~+/=-]{16,}")
BEGINS_A_WORD = r"(?:(?<![A-Za-z0-9].)|(?<=\\[nrtbf].)|(?<=\\u[0-9A-Fa-f]{4}.))"
"""A letter before it may belong to an escape: `\\nsk-...` is how JSON writes a key on a line of its own."""
KEYS = (
    r"sk-[\w-]{16,}", r"AIza[\w-]{30,}", r"AQ\.[\w-]{30,}", r"ya29\.[\w-]{20,}", r"gh[opsur]_\w{20,}",
    r"github_pat_\w{20,}", r"gsk_\w{16,}", r"hf_\w{16,}", r"r8_\w{16,}", r"fw_\w{16,}", r"xai-[\w-]{16,}",
    r"nvapi-[\w-]{16,}", r"pplx-[\w-]{16,}", r"csk-[\w-]{16,}", r"tgp_v1_[\w-]{16,}", r"xox[abeoprs]-[\w-]{10,}",
    r"AKIA[A-Z0-9]{16}", r"ASIA[A-Z0-9]{16}", r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*",
)  # fmt: skip
"""What vendors' keys look like, our own, and signed tokens."""
SHAPES = re.compile("|".join(key[0] + BEGINS_A_WORD + key[1:] for key in KEYS))
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)


def kept(body: bytes, most: int, whole: int | None = None) -> str:
    """At most `most` bytes of it, and a mark where there was more. `whole`: how long it was before it came here."""
    shortened, is_all = _without_media(body, most + MARGIN)
    clean = without_secrets(shortened.decode("utf-8", "replace").replace("\0", ""))
    encoded = clean.encode()
    whole = max(len(body), whole or 0)
    if is_all and len(encoded) <= most and whole == len(body):
        return clean
    text = encoded[:most].decode("utf-8", "ignore")
    return f"{text}\n[cut: {whole:,} bytes in all, the first {min(most, len(encoded)):,} are kept]"


def without_secrets(text: str) -> str:
    text = PRIVATE_KEY.sub(REMOVED, text)
    text = NAMED.sub(_without_value, text)
    text = BEARER.sub(rf"\1 {REMOVED}", text)
    return SHAPES.sub(REMOVED, text)


def _without_value(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{found[3] or ''}{REMOVED}"


def _without_media(body: bytes, most: int) -> tuple[bytes, bool]:
    """The first `most` bytes of what is left without media, and whether that is all."""
    pieces: list[bytes] = []
    place = size = 0
    while place < len(body) and size < most:
        found = MEDIA.search(body, place, place + most - size)
        end = found.end() if found else min(len(body), place + most - size)
        pieces.append(body[place:end])
        place = end
        if found:
            place = _after_media(body, end)
            pieces.append(b"[%d bytes left out]" % (place - end))
        size = sum(map(len, pieces))
    return b"".join(pieces), place >= len(body)


def _after_media(body: bytes, place: int) -> int:
    while (end := _match_end(body, place)) > place:
        place = end
    return place


def _match_end(body: bytes, place: int) -> int:
    found = MORE_MEDIA.match(body, place, place + WINDOW)
    return found.end() if found else place
