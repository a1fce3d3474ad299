"""Job: the types that bodies and answers of the management API are made of.

Law: names are camelCase on the wire and snake_case here. What comes in is taken literally: "3" is no number, true is
no 1, an unknown name is an error. A row's own rules (lengths, prefixes, addresses) stay with its model.
"""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")

UNCHANGED: Any = None
"""The default of a field that a change may leave out. Null is not it: a null that is sent is judged by the type."""


def wire_name(field: str) -> str:
    """`base_url` -> `baseUrl`."""
    return to_camel(field)


class Body(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=wire_name, str_max_length=10_000)

    def sent(self, *left_out: str) -> dict[str, Any]:
        """The fields that were really sent, by their own names, without those left out here."""
        return self.model_dump(exclude_unset=True, exclude=set(left_out))


class Answer(BaseModel):
    """What a client gets. Made by its field's names, sent by their wire names."""

    model_config = ConfigDict(alias_generator=wire_name, populate_by_name=True)


class Deleted(Answer):
    """`{"deleted": id}`"""

    deleted: str


def _printable(text: str) -> str:
    if any(unicodedata.category(character) in UNPRINTABLE for character in text):
        raise ValueError("a line break or another control character")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_printable)]
Name = Annotated[Line, Field(max_length=100)]
