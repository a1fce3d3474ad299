"""The wire formats we read and write: one package each, all with the names of `dialect.DialectModule`."""

from collections.abc import Mapping

from translator.dialect import Dialect, DialectModule
from translator.dialects import claude, gemini, ollama, openai, responses

DIALECTS: Mapping[Dialect, DialectModule] = {
    Dialect.OPENAI: openai,
    Dialect.CLAUDE: claude,
    Dialect.GEMINI: gemini,
    Dialect.RESPONSES: responses,
    Dialect.OLLAMA: ollama,
}

__all__ = ["DIALECTS", "Dialect"]
