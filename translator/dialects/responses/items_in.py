"""The items of the client's `input`, gathered into turns.

What the model said in a row (texts, reasoning, calls) is one turn of the assistant, the results that follow are one of
the user. Ids of items are not looked at, except where a local shell's result names its call by one.
"""

from collections.abc import Callable, Iterable, Mapping

from translator.dialects.responses import parts_in, tools_in
from translator.dialects.responses.vocabulary import CALLS, LOCAL_SHELL, call_of, reasoning_of, texts_of
from translator.losses import Dropped
from translator.messages import Media, Message, Part, Role, Text, Tool, ToolKind, ToolResult
from translator.reading import Reader

_NOT_CARRIED = "an item that only its own vendor understands"
ROLES: Mapping[str, Role] = {
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
}


class Conversation:
    """What was read so far. `system` is what stood before anything was said."""

    __slots__ = ("_is_open", "_shells", "_turns", "dropped", "system", "tools")

    def __init__(self) -> None:
        self.system: list[Text] = []
        self.tools: list[Tool] = []
        self.dropped: list[Dropped] = []
        self._turns: list[tuple[Role, list[Part]]] = []
        self._is_open = False
        """Whether the last turn may go on: the assistant's, or one of results."""
        self._shells: dict[str, str] = {}
        """Ids of local shell items, and those of their calls."""

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(Message(role, tuple(parts)) for role, parts in self._turns)

    def read(self, items: Iterable[Reader]) -> None:
        """Raises InvalidRequest, naming the member."""
        for item in items:
            _ITEMS.get(type_of(item), Conversation._drop)(self, item)

    def _message(self, item: Reader) -> None:
        item.required_text("role")
        role = item.one_of("role", ROLES)
        if role is Role.ASSISTANT and item.value.get("content") is None:
            return
        parts = parts_in.read_content(item, "content")
        if role is Role.SYSTEM:
            self._instruct(parts)
        elif parts:
            self._say(role, parts, goes_on=role is Role.ASSISTANT)

    def _instruct(self, parts: Iterable[Part]) -> None:
        """Pictures among instructions are shown as the user's: nobody else has a place for them."""
        texts = [part for part in parts if isinstance(part, Text)]
        shown = [part for part in parts if isinstance(part, Media)]
        if not self._turns:
            self.system += texts
        elif texts:
            self._say(Role.SYSTEM, texts)
        if shown:
            self._say(Role.USER, shown)

    def _say(self, role: Role, parts: Iterable[Part], *, goes_on: bool = False) -> None:
        if goes_on and self._is_open and self._turns[-1][0] is role:
            self._turns[-1][1].extend(parts)
        else:
            self._turns.append((role, list(parts)))
        self._is_open = goes_on

    def _reasoning(self, item: Reader) -> None:
        item.items("summary")
        item.items("content")
        found = reasoning_of(texts_of(item.value), item.text("encrypted_content"))
        if found is not None:
            self._say(Role.ASSISTANT, [found], goes_on=True)

    def _call(self, item: Reader) -> None:
        item.required_text("call_id")
        if item.value["type"] != "local_shell_call" and not item.required_text("name"):
            raise item.wrong("name", "must not be empty.")
        _check_arguments(item)
        item.text("namespace")
        call = call_of(item.value)
        if call.kind is ToolKind.LOCAL_SHELL and (name := item.text("id")):
            self._shells[name] = call.id
        self._say(Role.ASSISTANT, [call], goes_on=True)

    def _result(self, item: Reader) -> None:
        content = parts_in.without_refusals(parts_in.read_content(item, "output"), item, "output")
        result = ToolResult(item.text("call_id") or "", content, name=item.text("name") or "")
        self._say(Role.USER, [result], goes_on=True)

    def _shell_result(self, item: Reader) -> None:
        named = item.text("call_id") or item.text("id") or ""
        content = parts_in.without_refusals(parts_in.read_content(item, "output"), item, "output")
        self._say(Role.USER, [ToolResult(self._shells.get(named, named), content, name=LOCAL_SHELL)], goes_on=True)

    def _more_tools(self, item: Reader) -> None:
        self.tools += tools_in.read_tools(item.objects("tools"), self.dropped)

    def _found_tools(self, item: Reader) -> None:
        self._more_tools(item)
        self._drop(item)

    def _drop(self, item: Reader) -> None:
        self.dropped.append(Dropped(type_of(item)[:80], _NOT_CARRIED))


def type_of(item: Reader) -> str:
    """Clients leave out the type of messages and of references."""
    found = item.text("type")
    if found is not None:
        return found
    if "role" in item.value:
        return "message"
    if "id" in item.value:
        return "item_reference"
    raise item.wrong("type", "is missing.")


def _check_arguments(item: Reader) -> None:
    if item.value["type"] == "custom_tool_call":
        item.required_text("input")
    elif item.value["type"] == "local_shell_call":
        item.mapping("action")
    elif not isinstance(item.value.get("arguments"), dict):
        item.text("arguments")


_ITEMS: Mapping[str, Callable[[Conversation, Reader], None]] = {
    "message": Conversation._message,
    "reasoning": Conversation._reasoning,
    **dict.fromkeys(CALLS, Conversation._call),
    "function_call_output": Conversation._result,
    "custom_tool_call_output": Conversation._result,
    "local_shell_call_output": Conversation._shell_result,
    "additional_tools": Conversation._more_tools,
    "tool_search_output": Conversation._found_tools,
}
