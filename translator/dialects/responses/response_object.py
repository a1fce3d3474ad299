"""The object around an answer, which repeats much of what the client asked.

Law: whatever the client wrote, the object is one that OpenAI's own SDK can read. Where it asked nothing, the members
have the API's defaults.
"""

from collections.abc import Mapping
from typing import Any

from translator.dialect import Reply
from translator.dialects.responses.usage import encode_usage
from translator.dialects.responses.vocabulary import EFFORTS, REASONS
from translator.messages import Finish
from translator.usage import Usage

_SUMMARIES = frozenset({"auto", "concise", "detailed"})
_VERBOSITIES = frozenset({"low", "medium", "high"})
_CHOICES = frozenset({"auto", "none", "required"})
_PLAIN_FORMAT: Mapping[str, Any] = {"type": "text"}


def response_id(vendors: str, reply: Reply) -> str:
    return vendors if vendors.startswith("resp_") else f"resp_{reply.id}"


def in_progress(reply: Reply, id: str, model: str) -> dict[str, Any]:
    """The object at the beginning of a stream."""
    asked = reply.asked
    return {
        "id": id,
        "object": "response",
        "created_at": reply.created_at,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": _text(asked, "instructions"),
        "max_output_tokens": _whole(asked, "max_output_tokens"),
        "model": model or reply.model,
        "output": [],
        "parallel_tool_calls": asked.get("parallel_tool_calls") is not False,
        "previous_response_id": _text(asked, "previous_response_id"),
        "prompt_cache_key": _text(asked, "prompt_cache_key"),
        "reasoning": _reasoning(asked),
        "safety_identifier": _text(asked, "safety_identifier"),
        "service_tier": "default",
        "store": asked.get("store") is not False,
        "temperature": _number(asked, "temperature"),
        "text": _wording(asked),
        "tool_choice": _choice(asked),
        "tools": _tools(asked),
        "top_logprobs": _whole(asked, "top_logprobs") or 0,
        "top_p": _number(asked, "top_p"),
        "truncation": "auto" if asked.get("truncation") == "auto" else "disabled",
        "usage": None,
        "user": _text(asked, "user"),
        "metadata": _metadata(asked),
    }


def finished(begun: Mapping[str, Any], output: list[Any], finish: Finish, usage: Usage | None) -> dict[str, Any]:
    reason = REASONS.get(finish)
    return {
        **begun,
        "status": status_of(finish),
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": None if usage is None else encode_usage(usage),
    }


def status_of(finish: Finish) -> str:
    return "incomplete" if finish in REASONS else "completed"


def failed(begun: Mapping[str, Any], output: list[Any], error: Mapping[str, Any]) -> dict[str, Any]:
    return {**begun, "status": "failed", "error": error, "output": output}


def _text(asked: Mapping[str, Any], name: str) -> str | None:
    found = asked.get(name)
    return found if isinstance(found, str) else None


def _whole(asked: Mapping[str, Any], name: str) -> int | None:
    found = asked.get(name)
    return found if type(found) is int else None


def _number(asked: Mapping[str, Any], name: str) -> float:
    found = asked.get(name)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else 1.0


def _object(asked: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = asked.get(name)
    return found if isinstance(found, dict) else {}


def _reasoning(asked: Mapping[str, Any]) -> dict[str, Any]:
    said = _object(asked, "reasoning")
    effort, summary = _text(said, "effort"), _text(said, "summary")
    return {"effort": effort if effort in EFFORTS else None, "summary": summary if summary in _SUMMARIES else None}


def _wording(asked: Mapping[str, Any]) -> dict[str, Any]:
    said = _object(asked, "text")
    verbosity = _text(said, "verbosity")
    return {
        "format": _format(_object(said, "format")),
        "verbosity": verbosity if verbosity in _VERBOSITIES else "medium",
    }


def _format(said: Mapping[str, Any]) -> Mapping[str, Any]:
    match said:
        case {"type": "json_object"}:
            return {"type": "json_object"}
        case {"type": "json_schema", "name": str(name), "schema": dict(schema)}:
            strict = said.get("strict")
            return {
                "type": "json_schema",
                "name": name,
                "schema": schema,
                "strict": strict if strict is True else False,
            }
        case _:
            return _PLAIN_FORMAT


def _choice(asked: Mapping[str, Any]) -> Any:
    found = asked.get("tool_choice")
    match found:
        case str() if found in _CHOICES:
            return found
        case {"type": "function" | "custom" as kind, "name": str(name)}:
            return {"type": kind, "name": name}
        case {"type": "allowed_tools", "mode": "auto" | "required", "tools": list(tools)}:
            return found if all(isinstance(tool, dict) for tool in tools) else "auto"
        case _:
            return "auto"


def _tools(asked: Mapping[str, Any]) -> list[Any]:
    """Those of the kinds that older SDKs know too."""
    found = asked.get("tools")
    return [told for tool in found if (told := _tool(tool))] if isinstance(found, list) else []


def _tool(tool: Any) -> dict[str, Any] | None:
    match tool:
        case {"type": "function", "name": str(name)}:
            strict = tool.get("strict")
            told = {"type": "function", "name": name, "strict": strict if isinstance(strict, bool) else True}
            return told | {"description": _text(tool, "description"), "parameters": _schema(tool)}
        case {"type": "custom", "name": str(name)}:
            return {"type": "custom", "name": name, "description": _text(tool, "description"), "format": _grammar(tool)}
        case {"type": "local_shell"}:
            return {"type": "local_shell"}
        case {"type": "web_search" | "web_search_preview" as kind}:
            return {"type": kind}
        case _:
            return None


def _schema(tool: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = tool.get("parameters")
    return found if isinstance(found, dict) else None


def _grammar(tool: Mapping[str, Any]) -> dict[str, Any]:
    match tool.get("format"):
        case {"type": "grammar", "syntax": "lark" | "regex" as syntax, "definition": str(definition)}:
            return {"type": "grammar", "syntax": syntax, "definition": definition}
        case _:
            return {"type": "text"}


def _metadata(asked: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in _object(asked, "metadata").items() if isinstance(value, str)}
