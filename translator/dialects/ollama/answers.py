"""An answer of `/api/chat`, written as a whole.

Pictures are left out: Ollama's answers hold none, and its SDK takes no answer that does.
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from translator.dialect import Reply
from translator.dialects.openai.messages_out import object_text
from translator.dialects.openai.vocabulary import PARAGRAPH
from translator.messages import Answer, Finish, Reasoning, Refusal, Text, ToolCall
from translator.usage import Usage


def encode_response(answer: Answer, reply: Reply) -> dict[str, Any]:
    parts = answer.parts
    calls = [part for part in parts if isinstance(part, ToolCall)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(part.text for part in parts if isinstance(part, Text | Refusal)),
    }
    optional = {
        "thinking": PARAGRAPH.join(part.text for part in parts if isinstance(part, Reasoning) and part.text),
        "tool_calls": [written(call, number) for number, call in enumerate(calls)],
    }
    message |= {name: value for name, value in optional.items() if value}
    return {**head(answer.model, reply), "message": message, **ending(answer.finish, answer.usage)}


def head(model: str, reply: Reply) -> dict[str, Any]:
    """What each line begins with."""
    created_at = datetime.fromtimestamp(reply.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"model": model or reply.model, "created_at": created_at}


def written(call: ToolCall, number: int) -> dict[str, Any]:
    """Arguments are an object here; what a model wrote instead of one stands in it under a name."""
    function = {"index": number, "name": call.name, "arguments": orjson.loads(object_text(call.arguments))}
    return {"id": call.id, "function": function}


def ending(finish: Finish, usage: Usage | None) -> dict[str, Any]:
    """What the last line ends with. How long it took is nobody's business here: there is no clock."""
    counted = usage or Usage()
    return {
        "done": True,
        "done_reason": "length" if finish is Finish.LENGTH else "stop",
        "total_duration": 0,
        "load_duration": 0,
        "prompt_eval_count": counted.input,
        "prompt_eval_duration": 0,
        "eval_count": counted.output,
        "eval_duration": 0,
    }
