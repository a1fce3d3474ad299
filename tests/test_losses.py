"""The table of what each crossing carries says what the code does."""

import re
from pathlib import Path

from tests import losses

PAGE = Path(__file__).resolve().parent.parent / "docs" / "translation.md"


def test_the_page_on_translation_lists_just_the_losses_there_are() -> None:
    shown = re.search(r"<!-- losses -->\n(.*)\n<!-- /losses -->", PAGE.read_text(), re.S)
    assert shown is not None
    assert shown[1] == losses.table()
