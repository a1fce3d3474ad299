"""What is taken out of bodies before they are kept: secrets, media, and what is too long."""

import json

import pytest

from providers.redaction import REMOVED, kept, without_secrets
from tests.stopwatch import least_seconds

MOST = 64 * 1024
SECRET = "Zq7" * 9

SECRETS = {
    "a key of ours": f"my key is sk-or-{SECRET}.",
    "a key on a line of its own, in JSON": f'{{"text": "here:\\nsk-or-{SECRET}\\nthanks"}}',
    "OpenAI's": f"sk-proj-{SECRET}",
    "Anthropic's": f"sk-ant-api03-{SECRET}",
    "Google's": f"AIza{SECRET}{SECRET}",
    "GitHub's": f"ghp_{SECRET}",
    "Groq's": f"gsk_{SECRET}",
    "xAI's": f"xai-{SECRET}",
    "a signed token": f"eyJhbGciOiJIUzI1NiJ9.{SECRET}.{SECRET}",
    "a bearer token": f"curl -H 'Authorization: Bearer {SECRET}'",
    "a bearer token by itself": f"bearer {SECRET}",
    "basic credentials": f"Authorization: Basic {SECRET}",
    "a member": f'{{"api_key": "{SECRET}"}}',
    "a member of other spelling": f'{{"apiKey":"{SECRET}"}}',
    "a member with quotes in it": f'{{"password": "a \\" b {SECRET}"}}',
    "a member of JSON within JSON": f'{{"arguments": "{{\\"client_secret\\": \\"{SECRET} x\\"}}"}}',
    "a variable of a shell": f"export OPENAI_API_KEY={SECRET}",
    "a header": f"x-api-key: {SECRET}",
    "a private key": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
}
HARMLESS = (
    "The risk-management-and-other-things of a basic understanding, token by token.",
    '{"max_tokens": 4096, "key": "value", "tokens": "many", "password": {"type": "string"}}',
    "https://example.com/a/path?with=parameters&and=more",
    '{"name": "task-list", "id": "call_0123456789abcdef", "model": "gpt-5-mini"}',
)


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_taken_out(text: str) -> None:
    clean = kept(text.encode(), MOST)
    assert SECRET not in clean
    assert REMOVED in clean


@pytest.mark.parametrize("text", [text for text in SECRETS.values() if text.startswith("{")])
def test_json_without_its_secrets_is_json_still(text: str) -> None:
    assert json.loads(without_secrets(text))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert kept(text.encode(), MOST) == text


@pytest.mark.parametrize("place", range(MOST - 40, MOST + 1, 8))
def test_a_secret_across_the_cut_is_not_kept_in_part(place: int) -> None:
    text = "x " * (place // 2) + f"sk-or-{SECRET} " + "y " * MOST
    assert "Zq7" not in kept(text.encode(), MOST)


def test_media_is_told_by_its_length_and_the_text_after_it_is_kept() -> None:
    body = {"image_url": "data:image/png;base64," + "iVBOR" * 1000, "data": "QUJD" * 30, "text": "what is this?"}
    clean = json.loads(kept(json.dumps(body).encode(), MOST))
    assert clean["image_url"] == "data:image/png;base64,[5000 bytes left out]"
    assert clean["data"] == "[120 bytes left out]"
    assert clean["text"] == "what is this?"


@pytest.mark.parametrize("escape", ["\\/", "\\n"])
def test_media_with_escapes_in_it_is_left_out_whole(escape: str) -> None:
    line = "iVBOR0" * 12 + escape
    clean = kept(f'{{"data": "{line * 50}", "text": "after"}}'.encode(), MOST)
    assert "iVBOR0" not in clean
    assert json.loads(clean)["text"] == "after"


def test_prose_that_is_escaped_letter_by_letter_is_no_media() -> None:
    text = json.dumps({"data": "北京" * 1000})
    assert kept(text.encode(), MOST) == text


def test_the_cut_falls_between_letters_and_names_the_whole_length() -> None:
    clean = kept("京".encode() * 1000, 100)
    assert clean == "京" * 33 + "\n[cut: 3,000 bytes in all, the first 100 are kept]"


def test_what_a_database_refuses_is_left_out() -> None:
    assert kept(b"a\0b\xff", MOST) == "ab\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "body",
    [b"A" * (40 << 20), b'{"api_key": "' * 400_000, b"sk-" * 2_000_000, b"data:base64," * 500_000, b'\\"' * 3_000_000],
    ids=["one piece of media", "unfinished members", "unfinished keys", "beginnings of media", "quotes"],
)
def test_no_body_takes_long(body: bytes) -> None:
    assert least_seconds(kept, body, MOST, rounds=1) < 1.0
