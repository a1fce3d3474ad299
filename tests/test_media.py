"""Pictures and documents are understood in every spelling, and named by what they are."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stopwatch import least_seconds
from tests.strategies import PNG
from translator import media
from translator.losses import CannotSay, InvalidRequest
from translator.messages import Media, MediaKind

AT = "messages[2].content[0]"
BYTES = {
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(20),
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(20),
    "image/gif": b"GIF89a" + bytes(20),
    "image/webp": b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(20),
    "application/pdf": b"%PDF-1.7\n" + bytes(20),
}


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def in_lines(text: str) -> str:
    return "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76)) + "\n"


def url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_").rstrip("=")


@given(st.binary(min_size=1, max_size=200))
def test_every_spelling_of_base64_is_one(raw: bytes) -> None:
    standard = encoded(raw)
    for spelling in (standard, url_safe(standard), standard.rstrip("="), in_lines(standard), f" {standard}\t"):
        assert media.standard_base64(spelling) == standard


@pytest.mark.parametrize("text", ["", "%%%%", "a", "ab=c", "aGk=aGk=", "ö", "data:image/png;base64,", "a\u2028"])
def test_what_is_no_base64_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        media.of_base64(text, "image/png", at=AT)
    assert refused.value.param == AT and AT in refused.value.message


@pytest.mark.parametrize("mime", BYTES)
@pytest.mark.parametrize("claimed", ["image/jpeg", "image/png", "application/octet-stream", ""])
def test_the_bytes_tell_the_type_whatever_was_claimed(mime: str, claimed: str) -> None:
    assert media.of_base64(encoded(BYTES[mime]), claimed).mime == mime


@pytest.mark.parametrize("claimed", ["audio/wav", "Audio/WAV; rate=16000", "text/plain;charset=utf-8"])
def test_a_type_that_bytes_do_not_tell_is_taken_without_its_parameters(claimed: str) -> None:
    assert media.of_base64(encoded(b"plain"), claimed).mime == claimed.partition(";")[0].lower()


@pytest.mark.parametrize(
    ("url", "mime", "raw"),
    [
        (f"data:image/png;base64,{PNG}", "image/png", base64.b64decode(PNG)),
        (f"data:image/jpeg;base64,{PNG}", "image/png", base64.b64decode(PNG)),
        (f"data:image/png;charset=utf-8;base64,{url_safe(PNG)}", "image/png", base64.b64decode(PNG)),
        (f"DATA:IMAGE/PNG;BASE64,{PNG}", "image/png", base64.b64decode(PNG)),
        ("data:text/plain;charset=utf-8;base64,aGk=", "text/plain", b"hi"),
        ("data:text/plain," + quote("a, b & ü"), "text/plain", "a, b & ü".encode()),
        ("data:;base64,aGk=", "", b"hi"),
        ("data:,hi", "", b"hi"),
    ],
)
def test_a_data_url_is_what_it_holds(url: str, mime: str, raw: bytes) -> None:
    found = media.of_url(url, at=AT)
    assert (found.mime, base64.b64decode(found.data), found.url, found.at) == (mime, raw, "", AT)


@pytest.mark.parametrize(
    "url", ["", "a.png", "file:///etc/passwd", "http://[", "javascript:alert(1)", "data:image/png;base64,%"]
)
def test_other_urls_are_refused_by_name(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        media.of_url(url, at=AT)
    assert refused.value.param == AT


@pytest.mark.parametrize(
    ("url", "kind", "mime"),
    [
        ("https://example.com/a.PNG?size=1", MediaKind.IMAGE, "image/png"),
        ("https://example.com/a.pdf#page=2", MediaKind.DOCUMENT, "application/pdf"),
        ("https://example.com/song.mp3", MediaKind.AUDIO, "audio/mpeg"),
        ("https://example.com/film.mp4", MediaKind.VIDEO, "video/mp4"),
        ("https://example.com/", MediaKind.DOCUMENT, ""),
    ],
)
def test_a_links_name_suggests_its_type(url: str, kind: MediaKind, mime: str) -> None:
    assert media.of_url(url) == Media(kind, mime, url=url)


def test_a_kind_that_is_known_needs_no_type() -> None:
    assert media.of_url("https://example.com/x", MediaKind.IMAGE).kind is MediaKind.IMAGE


def test_media_as_a_url_is_its_own_or_a_data_url() -> None:
    assert media.data_url(Media(MediaKind.IMAGE, "image/png", data=PNG)) == f"data:image/png;base64,{PNG}"
    assert media.data_url(Media(MediaKind.IMAGE, url="https://example.com/a")) == "https://example.com/a"
    assert media.of_url(media.data_url(Media(MediaKind.DOCUMENT, data="aGk="))).data == "aGk="


def test_the_words_of_a_text_document_can_be_said() -> None:
    document = media.of_text("Über\nalles", "notes.txt")
    assert media.is_text(document) and media.words(document) == "notes.txt\n\nÜber\nalles"
    assert not media.is_text(Media(MediaKind.DOCUMENT, "application/pdf", data="JVBERi0="))
    assert not media.is_text(Media(MediaKind.DOCUMENT, "text/plain", url="https://example.com/a.txt"))


def test_a_refusal_names_the_part_and_the_type() -> None:
    refused = media.refuse(Media(MediaKind.AUDIO, "audio/wav", data="aGk=", at=AT), "Claude")
    assert isinstance(refused, CannotSay) and refused.param == AT
    assert AT in refused.message and "audio/wav" in refused.message and "Claude" in refused.message


def test_a_picture_of_six_megabytes_is_read_at_once() -> None:
    raw = BYTES["image/png"] + bytes(range(256)) * 24_576
    url = f"data:image/png;base64,{url_safe(encoded(raw))}"
    found = media.of_url(url)
    assert least_seconds(media.of_url, url) < 2
    assert base64.b64decode(found.data) == raw
