"""JSON Schema on its way to each vendor: what survives, what goes, and that no schema can do harm."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translator import schemas

ALLOWED = {
    *("type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required"),
    *("minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering"),
    *("default", "items", "minimum", "maximum"),
}
TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
WITHOUT_TYPE = {"description", "title", "nullable", "default", "example"}
ODD_KEYWORDS: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$id": "x",
    "$comment": "c",
    "$anchor": "a",
    "additionalProperties": False,
    "patternProperties": {"^x-": {"type": "string"}},
    "propertyNames": {"pattern": "^x"},
    "unevaluatedProperties": False,
    "dependentRequired": {"a": ["b"]},
    "dependentSchemas": {},
    "if": {},
    "then": {},
    "else": {},
    "not": {"type": "null"},
    "contains": {},
    "uniqueItems": True,
    "multipleOf": 2,
    "exclusiveMinimum": 0,
    "exclusiveMaximum": 9,
    "contentEncoding": "base64",
    "readOnly": True,
    "writeOnly": True,
    "deprecated": True,
    "examples": [1],
    "x-order": 1,
}


def complaints(schema: dict[str, Any], where: str = "$") -> list[str]:
    """What Gemini would refuse."""
    kind, enum = schema.get("type"), schema.get("enum")
    found = [f"{where}: {keyword}" for keyword in schema if keyword not in ALLOWED]
    found += [f"{where}: type {kind}"] if kind is not None and kind not in TYPES else []
    found += [f"{where}: no type"] if kind is None and "anyOf" not in schema and set(schema) - WITHOUT_TYPE else []
    found += [f"{where}: beside anyOf"] if "anyOf" in schema and len(schema) > 1 else []
    found += [f"{where}: no items"] if kind == "ARRAY" and "items" not in schema else []
    if enum is not None and (kind != "STRING" or not all(isinstance(word, str) and word for word in enum)):
        found.append(f"{where}: enum {enum}")
    properties = schema.get("properties", {})
    found += [f"{where}: requires {name}" for name in schema.get("required", []) if name not in properties]
    inner = [*properties.items(), *enumerate(schema.get("anyOf", []))]
    inner += [("items", schema["items"])] if "items" in schema else []
    return found + [complaint for name, node in inner for complaint in complaints(node, f"{where}.{name}")]


CASES: dict[str, tuple[Any, Any]] = {
    "nothing said": ({}, {}),
    "anything goes": (True, {}),
    "upper case": ({"type": "STRING"}, {"type": "STRING"}),
    "nullable by a list": ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
    "nullable by a union": (
        {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"},
        {"type": "STRING", "description": "d", "nullable": True},
    ),
    "nullable as OpenAPI says it": (
        {"type": "integer", "nullable": True},
        {"type": "INTEGER", "nullable": True},
    ),
    "several types": (
        {"type": ["string", "integer", "null"], "minLength": 2, "minimum": 3, "title": "t", "description": "d"},
        {
            "anyOf": [
                {"type": "STRING", "minLength": 2, "description": "d", "nullable": True},
                {"type": "INTEGER", "minimum": 3, "description": "d", "nullable": True},
            ]
        },
    ),
    "a union": (
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}]},
        {"anyOf": [{"type": "STRING"}, {"type": "ARRAY", "items": {"type": "NUMBER"}}]},
    ),
    "a union beside a type": (
        {"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {
            "anyOf": [
                {"type": "OBJECT", "properties": {"a": {}, "b": {}}, "required": ["a"]},
                {"type": "OBJECT", "properties": {"a": {}, "b": {}}, "required": ["b"]},
            ]
        },
    ),
    "a union in a union": (
        {"anyOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"type": ["boolean", "null"]}]},
        {
            "anyOf": [
                {"type": "STRING"},
                {"type": "INTEGER"},
                {"type": "BOOLEAN", "nullable": True},
            ]
        },
    ),
    "a constant": ({"const": "x"}, {"type": "STRING", "enum": ["x"]}),
    "a constant number": ({"const": 4}, {"type": "INTEGER", "description": "Always 4."}),
    "an enum without type": ({"enum": ["a", "b", None]}, {"anyOf": "see below"}),
    "an enum of numbers": (
        {"type": "integer", "enum": [1, 2], "description": "Level."},
        {"type": "INTEGER", "description": "Level.\n\nOne of: 1, 2."},
    ),
    "an enum with an empty word": ({"type": "string", "enum": ["", "a"]}, {"type": "STRING", "enum": ["a"]}),
    "an enum of an empty word alone": ({"type": "string", "enum": [""]}, {"type": "STRING"}),
    "a mixed enum": (
        {"enum": ["auto", 1]},
        {"anyOf": [{"type": "STRING", "enum": ["auto"]}, {"type": "INTEGER", "description": "Always 1."}]},
    ),
    "formats": (
        {"type": "object", "properties": {"u": {"type": "string", "format": "uri"}, "t": {"format": "date-time"}}},
        {"type": "OBJECT", "properties": {"u": {"type": "STRING"}, "t": {"format": "date-time"}}},
    ),
    "items left out": ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
    "items that may be anything": ({"items": {}}, {"type": "ARRAY", "items": {"type": "STRING"}}),
    "a tuple": (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}, {"type": "string"}]},
        {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}},
    ),
    "a map": ({"type": "object", "additionalProperties": {"type": "string"}}, {"type": "OBJECT"}),
    "types that keywords suggest": (
        {"properties": {"a": {"pattern": "^x"}, "b": {"minimum": 1}}, "required": ["a", "gone"]},
        {
            "type": "OBJECT",
            "properties": {"a": {"type": "STRING", "pattern": "^x"}, "b": {"type": "NUMBER", "minimum": 1}},
            "required": ["a"],
        },
    ),
    "joined schemas": (
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"$ref": "#/$defs/B"},
            ],
            "$defs": {"B": {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}},
        },
        {
            "type": "OBJECT",
            "properties": {"a": {"type": "STRING"}, "b": {"type": "BOOLEAN"}},
            "required": ["a", "b"],
        },
    ),
    "a reference with a word beside it": (
        {
            "properties": {"a": {"$ref": "#/definitions/a~1b", "description": "mine"}},
            "definitions": {"a/b": {"type": "string"}},
        },
        {"type": "OBJECT", "properties": {"a": {"type": "STRING", "description": "mine"}}},
    ),
    "a circle": (
        {
            "$ref": "#/$defs/N",
            "$defs": {"N": {"type": "object", "description": "n", "properties": {"next": {"$ref": "#/$defs/N"}}}},
        },
        {"type": "OBJECT", "description": "n", "properties": {"next": {"type": "OBJECT", "description": "n"}}},
    ),
    "references into a list": (
        {
            "properties": {
                "a": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "b": {"$ref": "#/properties/a/anyOf/1"},
                "c": {"$ref": "#/properties/a/anyOf/2"},
                "d": {"$ref": "#/properties/a/anyOf/" + "9" * 5000},
            }
        },
        {
            "type": "OBJECT",
            "properties": {
                "a": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
                "b": {"type": "INTEGER"},
                "c": {},
                "d": {},
            },
        },
    ),
    "a reference to nowhere": ({"$ref": "https://example.net/s.json"}, {}),
    "a pattern that looks around": ({"type": "string", "pattern": "^(?!x)"}, {"type": "STRING"}),
    "values of the wrong kind": (
        {"type": "string", "description": None, "minLength": "2", "enum": "a", "title": 4},
        {"type": "STRING"},
    ),
}
CASES["an enum without type"] = (
    CASES["an enum without type"][0],
    {"type": "STRING", "enum": ["a", "b"], "nullable": True},
)
CASES["formats"][1]["properties"]["t"] = {}


@pytest.mark.parametrize(("schema", "expected"), CASES.values(), ids=CASES)
def test_it_says_it_in_gemini_s_words(schema: Any, expected: Any) -> None:
    written = schemas.for_gemini(schema)
    assert written == expected
    assert not complaints(written)


def test_only_allowed_keywords_are_left_at_any_depth() -> None:
    """Properties that merely have a keyword's name stay."""
    deepest = {
        "type": "object",
        **ODD_KEYWORDS,
        "properties": {"readOnly": {"type": "string"}, "$id": {"type": "string"}},
    }
    middle = {"type": "array", **ODD_KEYWORDS, "items": {"anyOf": [deepest, {"type": "string", **ODD_KEYWORDS}]}}
    schema = {
        "type": "object",
        **ODD_KEYWORDS,
        "properties": {"title": middle, "enum": {"$ref": "#/$defs/D"}},
        "$defs": {"D": deepest},
    }
    before = copy.deepcopy(schema)
    written = schemas.for_gemini(schema)
    assert schema == before
    assert not complaints(written)
    assert set(written["properties"]["enum"]["properties"]) == {"readOnly", "$id"}
    assert set(written["properties"]["title"]["items"]["anyOf"][0]["properties"]) == {"readOnly", "$id"}


def doubling(levels: int) -> dict[str, Any]:
    """Each definition names the next one twice."""
    pair = {
        f"d{n}": {"properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}, "b": {"$ref": f"#/$defs/d{n + 1}"}}}
        for n in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": pair}


def long_chain(length: int) -> dict[str, Any]:
    return {"$ref": "#/$defs/d0", "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}]} for n in range(length)}}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def many_unions(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}, "anyOf": [{"required": ["a"]}, {"minProperties": 1}]}
    return schema


@pytest.mark.parametrize(
    "schema", [doubling(60), long_chain(5000), deep(120), many_unions(60)], ids=["doubling", "chain", "deep", "unions"]
)
def test_a_hostile_schema_ends_soon(schema: dict[str, Any]) -> None:
    assert not complaints(schemas.for_gemini(schema))
    assert len(orjson.dumps(schemas.for_gemini(schema), option=orjson.OPT_INDENT_2)) < 20_000_000
    for turn in (schemas.as_json_schema, schemas.object_schema, schemas.for_claude):
        assert isinstance(turn(schema), dict)
    schemas.is_strict(schema)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["string", "OBJECT", "array", "#/$defs/a", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *sorted(ALLOWED),
                    "$ref",
                    "$defs",
                    "allOf",
                    "oneOf",
                    "const",
                    "a",
                    "additionalProperties",
                    "prefixItems",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300)
@given(_json)
def test_whatever_a_schema_holds_gemini_gets_a_legal_one(schema: Any) -> None:
    assert not complaints(schemas.for_gemini(schema))
    assert schemas.object_schema(schemas.as_json_schema(schema))["type"] == "object"
    schemas.for_claude(schema)
    schemas.is_strict(schema)
