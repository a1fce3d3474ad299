"""JSON Schema as each vendor takes it. Functions of a schema that never change what they are given.

A schema is a stranger's: whatever a keyword holds, nothing here raises, and neither depth nor references that unfold
into more references cost more than a bounded time.
"""

from translator.schemas.claude import for_claude
from translator.schemas.current import in_current_words
from translator.schemas.gemini import as_json_schema, for_gemini
from translator.schemas.objects import object_schema
from translator.schemas.strictness import is_strict
from translator.schemas.wording import asking_for_json

__all__ = [
    "as_json_schema",
    "asking_for_json",
    "for_claude",
    "for_gemini",
    "in_current_words",
    "is_strict",
    "object_schema",
]
