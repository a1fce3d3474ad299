"""How many tokens a text, an answer or a request probably has, where no vendor has counted them.

Law: an estimate costs one quick pass, is never negative, and is shown as an estimate; what a vendor counted is never
replaced by it. Nothing here raises, whatever the text or the JSON.

The yardstick is o200k_base, the vocabulary of OpenAI's models since GPT-4o. A text is looked at in a few views, in
which one byte stands for the kind of one character, and what certain patterns in them cost is added up. The prices are
a least squares fit to true counts of English prose, code, JSON, markdown and shell output, and of prose in 25 other
languages: right for a text as a whole, within 5 % as a rule and 12 % nearly always, not for a single word. Other
vocabularies differ. Anthropic's published one, of 2023, has 2 % more tokens for English, 10 % more for code, and 30 to
45 % more for German, French and Norwegian.
"""

import math
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from translator.dialect import ClientRequest, Dialect

_CONTINUATIONS: Final = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that begin no character. Without them a view has one byte a character."""
_LATIN: Final = (*b"abcdefghijklmnopqrstuvwxyz", *range(0xC3, 0xCE), 0xE1)
"""Also the first bytes of letters with accents (0xE1: Vietnamese) and of accents that stand alone."""
_CAPITALS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SPACED: Final = range(0xCE, 0xE0)
"""First bytes of Greek, Cyrillic, Hebrew, Arabic."""
_INDIC, _KANA, _HAN, _HANGUL, _EMOJI = (0xE0,), (0xE3,), range(0xE4, 0xEA), range(0xEA, 0xEE), range(0xF0, 0xF8)


def _view(other: str, kinds: Mapping[str, Iterable[int]]) -> bytes:
    """A table for `bytes.translate` that shows each byte as the sign of its kind."""
    table = bytearray(other.encode() * 256)
    for kind, members in kinds.items():
        for byte in members:
            table[byte] = ord(kind)
    return bytes(table)


_SHAPES: Final = _view(
    ".",
    {"a": _LATIN, "A": _CAPITALS, "0": b"0123456789", " ": b" \t", "\n": b"\r\n"}
    | {"c": _SPACED, "i": _INDIC, "k": _KANA, "h": _HAN, "g": _HANGUL, "e": _EMOJI},
)
_WORDS: Final = _view(" ", {"a": (*_LATIN, *_CAPITALS), "c": _SPACED, "i": _INDIC, "g": _HANGUL})
_SIGNS: Final = _view(" ", {".": [byte for byte in range(256) if _SHAPES[byte] == ord(".")]})
_RARE: Final = _view(" ", {"k": b"jkzJKZ", "l": b"glvxGLVX"})

_Prices = Mapping[bytes, float]

_IN_WORDS: Final[_Prices] = {
    b"a ": 0.84,  # a word, with the blank before it
    b"a" * 8: 0.24,
    b"a" * 16: 1.5,
}
_IN_RARE: Final[_Prices] = {b"k": 1.04, b"l": 0.31}
"""Letters of other languages, of random strings, and of rarer English words."""
_IN_SIGNS: Final[_Prices] = {b". ": 0.43}  # a run of signs; many of them go into the token of a word
_IN_SHAPES: Final[_Prices] = {
    b"aA": 1.02,  # camelCase
    b"aAa": -0.55,  # and the less so when it goes on in small letters
    b"AAAA": 0.2,
    b"....": 0.52,
    b"a\n": 1.08,  # the end of a line costs nothing after a sign
    b"\n ": 1.15,  # indentation, however deep
    b"\nA": 0.98,
    b" .": 0.27,
    b". ": 0.43,
    b" 0": 1.3,  # the blank before a number is a token of its own
}
_IN_DIGITS: Final[_Prices] = {b"9": 1.38, b"0": 1.38, b"00": -1.38}
"""In shapes whose numbers were shortened, three digits to a nine: each nine and each rest is a token."""
_IN_BYTES: Final[_Prices] = {
    b'"': 0.36,
    b"'": 0.3,
    b"|": 0.64,
    b"tt": 1.2,  # Italian, Norwegian, Swedish
}

_FOREIGN_WORDS: Final[_Prices] = {
    b"c ": 1.5,  # Greek, Cyrillic, Hebrew, Arabic
    b"i ": 0.18,  # Indic, Thai
    b"g ": 0.65,  # Korean
}
_FOREIGN_SHAPES: Final[_Prices] = {
    b"cccc": 0.1,
    b"iii": 1.28,
    b"k": 0.35,  # kana
    b"h": 0.62,  # han
    b"g": 0.49,  # hangul
    b"e": 1.99,  # emoji
}
_FOREIGN_BYTES: Final[_Prices] = {
    b"\xc3": 0.58,  # é, ü, å, ø
    b"\xc4": 0.31,
    b"\xc5": 1.24,  # ł, ś, ř, š
    b"\xcc": 1.87,  # an accent that stands alone
    b"\xce": 0.18,  # Greek
    b"\xd1\x96": 1.45,  # Ukrainian
    b"\xd7": 0.1,  # Hebrew
    b"\xe2": 0.2,  # dashes, quotes, arrows
    b"\xe2\x80\x8d": 1.0,  # what joins emoji
    b"\xe2\x94": 0.51,  # lines of tables
    b"\xe3\x80": 0.2,
    b"\xe3\x81": 0.64,  # hiragana
    b"\xe5": 0.55,  # rarer han
    b"\xef\xb8\x8f": 0.7,  # what makes emoji colourful
    b"\xef\xbc": 0.3,
}

_A_MESSAGE: Final = 4
"""Its role and its borders."""
_A_REQUEST: Final = 3
_A_TOOLBOX: Final = {Dialect.CLAUDE: 346}
"""What a vendor writes before the first tool; Anthropic gives this number for its models since Claude 3.7."""

_LARGEST_IMAGE: Final = 1_600
_PIXELS_PER_TOKEN: Final = 750
"""Anthropic's rule, up to Claude 4.5. Others have rules of their own, mostly within half and twice of it."""
_HEAD: Final = 1 << 17
"""Characters of base64 that are looked at for a picture's size; in a JPEG it may stand behind a thumbnail."""
_BYTES_PER_TOKEN: Final = {"audio": 500, "video": 500}
"""Gemini takes 32 tokens for a second of sound and some 260 for one of film; at 128 kbit/s and at 1 Mbit/s."""
_BYTES_PER_DOCUMENT: Final = 50_000
_UNSEEN: Final = {"image": 1_000, "audio": 32 * 60, "video": 260 * 60}
"""What is only linked, or cannot be read: a picture, a minute of sound, a minute of film."""
_A_DOCUMENT: Final = 2_000
"""And for everything else, as PDFs: so much for each 50 KB."""

_PROMPTS: Final = ("system", "instructions", "systemInstruction", "system_instruction", "prompt", "suffix", "images")
_CONVERSATIONS: Final = ("messages", "contents", "input")
_TOOLS: Final = ("tools", "functions")
_FORMATS: Final = ("response_format", "text", "format", "generationConfig", "output_format", "output_config")
_ENVELOPES: Final = ("generateContentRequest", "request")
"""Gemini's countTokens takes a whole request under a name of its own; so does Code Assist."""
_ANSWERS: Final = ("choices", "candidates", "content", "output", "message", "response", "thinking")

_PLAIN: Final = frozenset(
    {"input", "args", "arguments", "response", "format", "schema", "json_schema", "input_schema", "parameters"}
    | {"parametersJsonSchema", "responseSchema", "responseJsonSchema"}
)
"""Members whose objects are somebody's own JSON, which the model reads as text."""
_FREE: Final = frozenset(
    {"type", "role", "status", "detail", "index", "phase", "cache_control", "videoMetadata"}
    | {"id", "call_id", "tool_call_id", "tool_use_id", "item_id", "media_type", "mimeType", "mime_type"}
    | {"signature", "thoughtSignature", "thought_signature", "encrypted_content", "reasoning_details"}
    | {"annotations", "citations", "citationMetadata", "groundingMetadata", "safetyRatings"}
    | {"logprobs", "logprobsResult", "finish_reason", "finishReason", "stop_reason"}
)
"""Members that steer the vendor, or that it made itself."""
_FREE_KINDS: Final = frozenset({"redacted_thinking", "web_search_tool_result", "web_search_call"})
_LINKED: Final = frozenset({"url", "image_url", "file_url", "fileUri", "file_uri", "file_id"})
_ENCODED: Final = frozenset({"data", "file_data", "images", "b64_json"})
_UNSAID: Final = {"url": "image/*", "image_url": "image/*", "images": "image/*"}
"""What media are under names that say it, where nothing else does."""
_MIMES: Final = {"image_generation_call": "image/*"}
_RENAMED: Final = {("text", "data"): "text", ("image_generation_call", "result"): "data"}
"""Names that mean something else in objects of a certain type."""
_URL_SAFE: Final = str.maketrans("-_", "+/")


def of_text(text: str) -> int:
    """About as many tokens as o200k_base makes of the text; at least one, unless it is empty."""
    raw = text.encode("utf-8", "replace")
    words, signs, shapes = _seen(raw, _WORDS) + b" ", _seen(raw, _SIGNS) + b" ", _seen(raw, _SHAPES)
    tokens = (
        _price(words, _IN_WORDS)
        + _price(_seen(raw, _RARE), _IN_RARE)
        + _price(signs, _IN_SIGNS)
        + _price(shapes, _IN_SHAPES)
        + _price(shapes.replace(b"000", b"9"), _IN_DIGITS)
        + _price(raw, _IN_BYTES)
    )
    if not raw.isascii():
        tokens += _price(words, _FOREIGN_WORDS) + _price(shapes, _FOREIGN_SHAPES) + _price(raw, _FOREIGN_BYTES)
    return max(math.ceil(tokens), 1) if text else 0


def of_bytes(raw: bytes) -> int:
    """The tokens of what a model wrote, in a whole answer of any dialect. What is no JSON is taken for plain text."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return of_text(raw.decode("utf-8", "replace"))
    tally = _Tally()
    for answer in value if isinstance(value, list) else [value]:
        tally.read_members(_unwrapped(answer, "response"), _ANSWERS)
    return tally.total()


def of_request(asked: ClientRequest) -> int:
    """The tokens of a prompt with all that belongs to it: system, tools, schemas, messages and media."""
    body = _unwrapped(asked.body.value, *_ENVELOPES)
    tally = _Tally()
    tally.read_members(body, _PROMPTS + _CONVERSATIONS)
    tally.read_schemas({name: body[name] for name in _FORMATS if name in body})
    tools = [tool for name in _TOOLS for tool in _objects(body.get(name))]
    tally.read_tools(tools)
    messages = sum(len(_objects(body.get(name))) for name in _CONVERSATIONS)
    around = _A_REQUEST + _A_MESSAGE * messages + (_A_TOOLBOX.get(asked.dialect, 0) if tools else 0)
    return around + tally.total()


def _seen(raw: bytes, view: bytes) -> bytes:
    return raw.translate(view, _CONTINUATIONS)


def _price(view: bytes, prices: _Prices) -> float:
    return sum(view.count(pattern) * price for pattern, price in prices.items())


def _unwrapped(value: Any, *envelopes: str) -> Mapping[str, Any]:
    """The object inside, where the value is only an envelope. Empty for what is no object."""
    if not isinstance(value, dict):
        return {}
    return next((value[name] for name in envelopes if isinstance(value.get(name), dict)), value)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class _Tally:
    """Gathers the texts of a JSON value, to be counted in one go, and the tokens of what is no text."""

    __slots__ = ("texts", "tokens")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tokens = 0

    def total(self) -> int:
        return self.tokens + of_text("\n".join(self.texts))

    def read_members(self, value: Mapping[str, Any], names: Iterable[str]) -> None:
        """Walks without recursion: an upstream's answer may nest deeper than Python."""
        pending = [(name, "", value[name]) for name in names if name in value]
        while pending:
            name, mime, member = pending.pop()
            match member:
                case str():
                    self._read_string(name, mime, member)
                case dict():
                    pending += self._members(member)
                case list():
                    pending += [(name, mime, item) for item in member]
                case int() if name == "prompt":
                    self.tokens += 1  # OpenAI's completions take numbers of tokens for a prompt

    def read_tools(self, tools: Iterable[Mapping[str, Any]]) -> None:
        self.texts += [_json({name: tool[name] for name in tool if name not in _FREE}) for tool in tools]

    def read_schemas(self, settings: Mapping[str, Any]) -> None:
        self.texts += map(_json, _schemas(settings))

    def _members(self, value: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
        """What costs something in an object: its members by name, with the type that media in it have."""
        kind = str(value.get("type"))
        mime = _mime(value, kind)
        for name, member in value.items() if kind not in _FREE_KINDS else ():
            if name in _PLAIN and isinstance(member, dict):
                self.texts.append(_json(member))
            elif name not in _FREE:
                yield _RENAMED.get((kind, name), name), mime, member

    def _read_string(self, name: str, mime: str, said: str) -> None:
        if name in _ENCODED or (name in _LINKED and said.startswith("data:")):
            self._read_media(mime or _UNSAID.get(name, ""), said)
        elif name in _LINKED:
            self.tokens += _UNSEEN.get((mime or _UNSAID.get(name, "")).partition("/")[0], _A_DOCUMENT)
        else:
            self.texts.append(said)

    def _read_media(self, mime: str, said: str) -> None:
        if said.startswith("data:"):
            start, _, said = said.partition(",")
            mime = start[len("data:") :].partition(";")[0] or mime
        if mime.startswith("text/") or mime == "application/json":
            self.texts.append(_decoded(said).decode("utf-8", "replace"))
        else:
            self.tokens += _of_media(mime, _decoded(said[:_HEAD]), len(said) * 3 // 4 - said[-2:].count("="))


def _json(value: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested deeper than orjson writes
        return ""


def _schemas(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name, member in settings.items():
        if isinstance(member, dict) and name in _PLAIN:
            yield member
        elif isinstance(member, dict):
            yield from _schemas(member)


def _mime(value: Mapping[str, Any], kind: str) -> str:
    said = value.get("media_type") or value.get("mimeType") or value.get("mime_type") or _MIMES.get(kind, "")
    if not said and "data" in value and "format" in value:
        said = f"audio/{value['format']}"
    return said if isinstance(said, str) else ""


def _decoded(base64: str) -> bytes:
    """Of base64 in any spelling, also when it was cut off. Empty for what is none."""
    standard = base64.translate(_URL_SAFE)
    for end in (len(standard), -1):
        try:
            return a2b_base64(standard[:end] + "==")
        except ValueError:
            continue
    return b""


def _of_media(mime: str, head: bytes, size: int) -> int:
    pixels = next((read(head) for magic, read in _PICTURES.items() if head.startswith(magic)), 0)
    if pixels:
        return min(math.ceil(pixels / _PIXELS_PER_TOKEN), _LARGEST_IMAGE)
    kind = mime.partition("/")[0]
    if kind in _BYTES_PER_TOKEN:
        return math.ceil(size / _BYTES_PER_TOKEN[kind])
    return _UNSEEN.get(kind, _A_DOCUMENT * math.ceil(size / _BYTES_PER_DOCUMENT))


def _png_pixels(head: bytes) -> int:
    return _number(head[16:20]) * _number(head[20:24])


def _gif_pixels(head: bytes) -> int:
    return _little(head[6:8]) * _little(head[8:10])


def _webp_pixels(head: bytes) -> int:
    """Its three kinds: lossy, lossless, extended."""
    match head[12:16]:
        case b"VP8 ":
            return (_little(head[26:28]) & 0x3FFF) * (_little(head[28:30]) & 0x3FFF)
        case b"VP8L":
            bits = _little(head[21:25])
            return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            return (_little(head[24:27]) + 1) * (_little(head[27:30]) + 1)
    return 0


def _jpeg_pixels(head: bytes) -> int:
    """From the first frame's header, behind segments that each say how long they are."""
    position = 2
    while position + 9 <= len(head) and head[position] == _MARKER:
        if head[position + 1] in _FRAMES:
            return _number(head[position + 5 : position + 7]) * _number(head[position + 7 : position + 9])
        position += 2 + _number(head[position + 2 : position + 4])
    return 0


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


_MARKER: Final = 0xFF
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PICTURES: Final[Mapping[bytes, Callable[[bytes], int]]] = {
    b"\x89PNG\r\n\x1a\n": _png_pixels,
    b"\xff\xd8\xff": _jpeg_pixels,
    b"GIF8": _gif_pixels,
    b"RIFF": _webp_pixels,
}
