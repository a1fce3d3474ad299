"""JSON Schema out of Gemini's words, as parameters of functions, and for Claude's and OpenAI's strict answers."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator import schemas


@pytest.mark.parametrize(
    ("gemini", "expected"),
    [
        (
            {
                "type": "OBJECT",
                "properties": {"n": {"type": "INTEGER", "format": "int64"}},
                "required": ["n"],
                "property_ordering": ["n"],
            },
            {"type": "object", "properties": {"n": {"type": "integer", "format": "int64"}}, "required": ["n"]},
        ),
        (
            {"type": "STRING", "nullable": True, "enum": ["a"], "format": "enum"},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        ({"any_of": [{"type": "STRING"}], "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": "ARRAY", "min_items": "1", "items": {"type": "NUMBER"}},
            {"type": "array", "minItems": 1, "items": {"type": "number"}},
        ),
        ({"type": "TYPE_UNSPECIFIED", "example": 3}, {"examples": [3]}),
        (
            {"type": "OBJECT", "properties": {"type": {"type": "STRING"}, "nullable": {"type": "BOOLEAN"}}},
            {"type": "object", "properties": {"type": {"type": "string"}, "nullable": {"type": "boolean"}}},
        ),
    ],
)
def test_gemini_s_words_become_json_schema(gemini: dict[str, Any], expected: dict[str, Any]) -> None:
    assert schemas.as_json_schema(gemini) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}, "required": ["a"]},
        {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2},
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        {"type": ["string", "null"]},
    ],
)
def test_a_plain_schema_comes_back_from_gemini_as_it_was(schema: dict[str, Any]) -> None:
    assert schemas.as_json_schema(schemas.for_gemini(schema)) == schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        (
            {"type": "object", "additionalProperties": False},
            {"type": "object", "properties": {}, "additionalProperties": False},
        ),
        (
            {
                "$ref": "#/$defs/A",
                "$defs": {"A": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
            },
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "required": ["a"],
                "$defs": {"A": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
            },
        ),
        (
            {
                "description": "d",
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {"kind": {"const": "a"}, "x": {"type": "string"}},
                        "required": ["kind", "x"],
                    },
                    {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]},
                ],
            },
            {
                "type": "object",
                "properties": {"kind": {"anyOf": [{"const": "a"}, {"const": "b"}]}, "x": {"type": "string"}},
                "required": ["kind"],
                "description": "d",
            },
        ),
        (
            {
                "type": "object",
                "properties": {"a": {}, "b": {}},
                "required": ["b"],
                "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            },
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"]},
        ),
        (
            {"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]},
        ),
    ],
    ids=["none", "empty", "no properties", "reference", "tagged union", "either required", "joined"],
)
def test_parameters_are_an_object_without_a_union_at_its_root(schema: Any, expected: dict[str, Any]) -> None:
    before = copy.deepcopy(schema)
    assert schemas.object_schema(schema) == expected
    assert schema == before


def test_parameters_that_are_an_object_already_stay_as_they_are() -> None:
    schema = {"$schema": "x", "type": "object", "properties": {"a": {"anyOf": [{}, {}]}}, "additionalProperties": {}}
    assert schemas.object_schema(schema) is schema


def test_claude_gets_closed_objects_and_reads_the_rest() -> None:
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "description": "Count."},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 2},
            "mail": {"type": "string", "format": "email", "pattern": "^(?=x)"},
            "kind": {"oneOf": [{"const": "a"}, {"$ref": "#/$defs/K"}]},
            "who": {"allOf": [{"$ref": "#/$defs/K"}]},
            "both": {"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}]},
        },
        "required": ["n"],
        "$defs": {"K": {"properties": {"x": {"enum": [1, 2]}}, "additionalProperties": {"type": "string"}}},
    }
    assert schemas.for_claude(schema) == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": "Count.\n\n{minimum: 1}"},
            "tags": {
                "type": "array",
                "items": {"type": "string", "description": "{maxLength: 3}"},
                "description": "{minItems: 2}",
            },
            "mail": {"type": "string", "format": "email", "description": '{pattern: "^(?=x)"}'},
            "kind": {"anyOf": [{"const": "a"}, {"$ref": "#/$defs/K"}]},
            "who": {"$ref": "#/$defs/K"},
            "both": {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "additionalProperties": False,
            },
        },
        "required": ["n"],
        "$defs": {
            "K": {
                "type": "object",
                "properties": {"x": {"enum": [1, 2]}},
                "description": '{additionalProperties: {"type":"string"}}',
                "additionalProperties": False,
            }
        },
        "additionalProperties": False,
    }


STRICT = {
    "type": "object",
    "properties": {"a": {"type": ["string", "null"]}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (STRICT, True),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({**STRICT, "required": []}, False),
        ({**STRICT, "additionalProperties": True}, False),
        ({**STRICT, "properties": {"a": {"type": "object", "properties": {}}}}, False),
        ({**STRICT, "properties": {"a": {"type": "array", "items": STRICT}}}, True),
        ({**STRICT, "properties": {"a": {"type": "string", "default": ""}}}, False),
        ({**STRICT, "properties": {"a": {}}}, False),
        ({**STRICT, "$defs": {"b": {"type": "object"}}}, False),
        ({"anyOf": [STRICT]}, False),
        (None, False),
    ],
)
def test_strict_is_what_openai_calls_strict(schema: Any, expected: bool) -> None:
    assert schemas.is_strict(schema) is expected


TODAY: dict[str, tuple[Any, Any]] = {
    "a tuple": ({"items": [{"type": "string"}, {}]}, {"prefixItems": [{"type": "string"}, {}]}),
    "an open tuple": (
        {"items": [{}], "additionalItems": {"type": "null"}},
        {"prefixItems": [{}], "items": {"type": "null"}},
    ),
    "a closed tuple": ({"items": [{}], "additionalItems": False}, {"prefixItems": [{}], "items": False}),
    "an exclusive bound": ({"minimum": 0, "exclusiveMinimum": True}, {"exclusiveMinimum": 0}),
    "an inclusive bound": ({"maximum": 9, "exclusiveMaximum": False}, {"maximum": 9}),
    "capitals": ({"type": "STRING"}, {"type": "string"}),
    "a type that is none": ({"type": "any", "description": "x"}, {"description": "x"}),
    "no types": ({"type": []}, {}),
    "one name twice": ({"required": ["a", "b", "a"]}, {"required": ["a", "b"]}),
    "required of draft 3": ({"type": "string", "required": True}, {"type": "string"}),
    "an empty union": ({"anyOf": [], "allOf": []}, {}),
    "a reference to nothing": ({"properties": {"a": {"$ref": "#/$defs/A"}}}, {"properties": {"a": {}}}),
    "a description that is none": ({"description": None, "default": None}, {"default": None}),
    "a property that is none": ({"properties": {"a": None, "b": {}}}, {"properties": {"b": {}}}),
    "an older draft": ({"$schema": "http://json-schema.org/draft-04/schema#", "items": [{}]}, {"prefixItems": [{}]}),
    "deep within": (
        {"properties": {"a": {"anyOf": [{"not": {"items": [{}]}}]}}},
        {"properties": {"a": {"anyOf": [{"not": {"prefixItems": [{}]}}]}}},
    ),
}


@pytest.mark.parametrize(("schema", "expected"), TODAY.values(), ids=TODAY)
def test_an_older_draft_is_said_in_today_s_words(schema: Any, expected: Any) -> None:
    before = copy.deepcopy(schema)
    assert schemas.in_current_words(schema) == expected
    assert schema == before


def test_a_schema_that_keeps_the_rules_stays_what_it_is() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"$ref": {"const": None}, "items": {"type": ["string", "null"], "enum": [None, "a"]}, "x": True},
        "required": ["items"],
        "additionalProperties": False,
        "$defs": {
            "A": {"$ref": "#/$defs/A"},
            "C": {"anyOf": [{}, {"$ref": "#/$defs/C/anyOf/0"}]},
            "B": {"exclusiveMinimum": 1, "x-vendor": None},
        },
    }
    assert schemas.in_current_words(schema) is schema


ODD_SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(("items", "type", "anyOf", "properties", "required", "$ref", "not", "minimum")),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(ODD_SCHEMAS)
def test_whatever_a_schema_holds_today_s_words_stay_today_s_words(schema: Any) -> None:
    once = schemas.in_current_words(schema)
    assert schemas.in_current_words(once) == once
