"""Job: the closed sets of words a catalogue file is written in.

Law: a word is here because the gateway acts on it; what is only shown to people is text in the file.
"""

from collections.abc import Mapping
from enum import StrEnum


class Tier(StrEnum):
    """The group a vendor is shown in."""

    SUBSCRIPTION = "subscription"
    APIKEY = "apikey"
    CHEAP = "cheap"
    FREE = "free"
    AUDIO = "audio"


class Wire(StrEnum):
    """What a vendor speaks: one of the translator's four dialects, or a format only an adapter knows."""

    OPENAI = "openai"
    CLAUDE = "claude"
    GEMINI = "gemini"
    RESPONSES = "responses"
    GEMINI_CLI = "gemini-cli"
    KIRO = "kiro"
    DEEPGRAM = "deepgram"
    ASSEMBLYAI = "assemblyai"
    NVIDIA = "nvidia"


class AuthStyle(StrEnum):
    """How the credential travels."""

    BEARER = "bearer"  # Authorization: Bearer <credential>
    X_API_KEY = "x-api-key"
    X_GOOG_API_KEY = "x-goog-api-key"
    TOKEN = "token"  # noqa: S105 - Authorization: Token <credential>
    RAW = "raw"  # Authorization: <credential>
    NONE = "none"


class LoginFlow(StrEnum):
    """How a connection comes by its credential."""

    APIKEY = "apikey"
    AUTHORIZATION_CODE = "authorization_code"
    DEVICE_CODE = "device_code"
    IMPORT = "import"
    NONE = "none"


class BodyFormat(StrEnum):
    """How a token endpoint wants its request."""

    FORM = "form"
    JSON = "json"


class ClientAuthentication(StrEnum):
    """Where a token endpoint looks for the client's id and secret."""

    BODY = "body"
    BASIC = "basic"


class QuotaKind(StrEnum):
    """When an allowance starts again."""

    ROLLING = "rolling"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    NONE = "none"


class QuotaUnit(StrEnum):
    """What an allowance counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"


class Capability(StrEnum):
    """What an endpoint is for; `count` counts a chat's tokens. The last three serve the gateway, never a client."""

    CHAT = "chat"
    CHAT_STREAM = "chat_stream"
    COUNT = "count"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    IMAGES = "images"
    TRANSCRIPTION = "transcription"
    UPLOAD = "upload"
    SPEECH = "speech"
    RERANK = "rerank"
    MODELS = "models"
    CHECK = "check"
    QUOTA = "quota"


class ModelType(StrEnum):
    """What a model does."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    IMAGE = "image"
    AUDIO_TRANSCRIPTION = "audio_transcription"
    AUDIO_SPEECH = "audio_speech"
    RERANK = "rerank"


CAPABILITIES: Mapping[ModelType, Capability] = {
    ModelType.CHAT: Capability.CHAT,
    ModelType.EMBEDDING: Capability.EMBEDDINGS,
    ModelType.IMAGE: Capability.IMAGES,
    ModelType.AUDIO_TRANSCRIPTION: Capability.TRANSCRIPTION,
    ModelType.AUDIO_SPEECH: Capability.SPEECH,
    ModelType.RERANK: Capability.RERANK,
}
