"""The tools that a client declares, and which of them it wants called."""

from collections.abc import Iterator

from translator.dialects.gemini.vocabulary import MODES, part_of, parts_of
from translator.losses import Dropped
from translator.messages import Choice, Json, Tool, ToolChoice, ToolKind
from translator.reading import Reader
from translator.schemas import as_json_schema

SEARCH = "web_search"
_SEARCHES = frozenset({"googleSearch", "googleSearchRetrieval"})
_OF_A_DECLARATION = frozenset({"name", "description", "parameters", "parametersJsonSchema"})


def tools(reader: Reader, dropped: list[Dropped]) -> Iterator[Tool]:
    for tool in parts_of(reader, "tools"):
        for name, value in tool.value.items():
            if name == "functionDeclarations":
                yield from (_function(declaration, dropped) for declaration in parts_of(tool, name))
            elif name in _SEARCHES and value is not None:
                yield Tool(SEARCH, kind=ToolKind.WEB_SEARCH)
            elif value is not None:
                dropped.append(Dropped(tool.at(name), "a tool of Google's own"))


def _function(declaration: Reader, dropped: list[Dropped]) -> Tool:
    name = declaration.required_text("name")
    if not name:
        raise declaration.wrong("name", "cannot be empty.")
    dropped += [
        Dropped(declaration.at(member), "no other dialect declares it")
        for member, value in declaration.value.items()
        if member not in _OF_A_DECLARATION and value is not None
    ]
    return Tool(name, declaration.text("description") or "", _schema(declaration))


def _schema(declaration: Reader) -> Json | None:
    plain = declaration.mapping("parametersJsonSchema")
    if plain is not None:
        return plain
    parameters = declaration.mapping("parameters")
    return as_json_schema(parameters) if parameters is not None else None


def tool_choice(reader: Reader, dropped: list[Dropped]) -> ToolChoice | None:
    config = part_of(reader, "toolConfig")
    dropped += [
        Dropped(config.at(name), "settings of Google's own tools")
        for name, value in config.value.items()
        if name != "functionCallingConfig" and value is not None
    ]
    calling = part_of(config, "functionCallingConfig")
    choice: Choice | None = calling.one_of("mode", MODES)
    if choice is None:
        return None
    names = calling.texts("allowedFunctionNames")
    return ToolChoice(choice, names if choice is not Choice.NONE else ())
