"""Usage rows between the request and the database: none lost, none twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from billing.usage.journal import Journal
from tests.gateway import ROOT, wait_until


class Row(msgspec.Struct):
    id: int


class Shelf:
    """Where rows are stored; it can be out of order."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.is_broken = False

    def __call__(self, rows: list[Row]) -> None:
        if self.is_broken:
            raise OSError("the shelf is broken")
        self.rows += rows

    def ids(self) -> list[int]:
        return [row.id for row in self.rows]


MakeJournal = Callable[[], Journal[Row]]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def make_journal(tmp_path: Path, shelf: Shelf) -> Iterator[MakeJournal]:
    made: list[Journal[Row]] = []

    def make() -> Journal[Row]:
        journal = Journal(tmp_path, Row, shelf)
        made.append(journal)
        journal.start()
        return journal

    yield make
    for journal in made:
        journal.stop()


def test_rows_that_come_while_others_are_stored_are_not_lost(
    make_journal: MakeJournal, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.usage.journal.FLUSH_SECONDS", 0.0)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        journal = make_journal()
        for number in range(20_000):
            journal.append(Row(number))
    finally:
        sys.setswitchinterval(usual)
    journal.stop()
    assert shelf.ids() == list(range(20_000))


def test_rows_are_stored_soon_and_the_files_go(make_journal: MakeJournal, shelf: Shelf, tmp_path: Path) -> None:
    journal = make_journal()
    for number in range(5):
        journal.append(Row(number))
    wait_until(lambda: len(shelf.rows) == 5)
    wait_until(lambda: not list(tmp_path.glob("*/*.jsonl")))
    assert shelf.ids() == [0, 1, 2, 3, 4]


def test_stopping_stores_what_is_left_and_leaves_no_trace(
    make_journal: MakeJournal, shelf: Shelf, tmp_path: Path
) -> None:
    journal = make_journal()
    journal.append(Row(1))
    journal.stop()
    assert shelf.ids() == [1]
    assert list(tmp_path.iterdir()) == []


def test_rows_wait_for_a_database_that_is_away(make_journal: MakeJournal, shelf: Shelf) -> None:
    journal = make_journal()
    shelf.is_broken = True
    journal.append(Row(1))
    wait_until(lambda: journal.trouble)
    journal.append(Row(2))
    assert shelf.rows == []
    shelf.is_broken = False
    wait_until(lambda: shelf.ids() == [1, 2])
    wait_until(lambda: journal.trouble is None)


def test_a_torn_line_loses_only_itself(make_journal: MakeJournal, shelf: Shelf, tmp_path: Path) -> None:
    orphan = tmp_path / "orphan"
    orphan.mkdir()
    (orphan / "lock").touch()
    (orphan / "000000000001.jsonl").write_bytes(b'{"id":1}\n{"id":2}\n{"id"')
    make_journal()
    wait_until(lambda: shelf.ids() == [1, 2])
    wait_until(lambda: not orphan.exists())


def test_a_living_owners_rows_are_left_to_it(make_journal: MakeJournal, shelf: Shelf) -> None:
    first = make_journal()
    shelf.is_broken = True
    first.append(Row(1))
    wait_until(lambda: first.trouble)
    shelf.is_broken = False
    second = make_journal()
    second.append(Row(2))
    wait_until(lambda: sorted(shelf.ids()) == [1, 2])


KILLED = """
import msgspec, os, signal, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from billing.usage.journal import Journal
Row = msgspec.defstruct("Row", [("id", int)])
def store(rows): raise OSError("never")
journal = Journal(Path({directory!r}), Row, store)
journal.start()
for number in range(1000): journal.append(Row(number))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_loses_no_row(make_journal: MakeJournal, shelf: Shelf, tmp_path: Path) -> None:
    code = KILLED.format(root=str(ROOT), directory=str(tmp_path))
    assert subprocess.run([sys.executable, "-c", code], env=os.environ).returncode == -signal.SIGKILL
    make_journal()
    wait_until(lambda: len(shelf.rows) == 1000)
    assert sorted(shelf.ids()) == list(range(1000))


class Begun(msgspec.Struct):
    id: str
    state: str = "begun"


class Record:
    """Keeps the first row of each id, as the ledger does."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def __call__(self, rows: list[Begun]) -> None:
        for row in rows:
            self.rows.setdefault(row.id, row.state)


BEGUN_AND_KILLED = """
import msgspec, os, signal, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from billing.usage.journal import Journal
Begun = msgspec.defstruct("Begun", [("id", str), ("state", str, "begun")])
journal = Journal(Path({directory!r}), Begun, lambda rows: None, lambda row: row.id)
journal.start()
for number in range(6000):
    journal.begin(Begun(str(number), "begun"))
    journal.begin(Begun(str(number), "asked twice" + "." * 200))
    if number % 2 == 0:
        journal.append(Begun(str(number), "ended"))
os.kill(os.getpid(), signal.SIGKILL)
"""


class TestUnfinished:
    def test_a_kill_tells_what_had_begun_as_it_was_told_last(self, tmp_path: Path) -> None:
        code = BEGUN_AND_KILLED.format(root=str(ROOT), directory=str(tmp_path))
        assert subprocess.run([sys.executable, "-c", code], env=os.environ).returncode == -signal.SIGKILL
        record = Record()
        journal = Journal(tmp_path, Begun, record, lambda row: row.id)
        journal.start()
        journal.stop()
        unfinished = {name for name, state in record.rows.items() if state.startswith("asked twice")}
        assert unfinished == {str(number) for number in range(1, 6000, 2)}
        assert list(tmp_path.iterdir()) == []

    def test_the_file_stays_small_while_requests_come_and_go(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("billing.usage.unfinished.TIDY_BYTES", 10_000)
        monkeypatch.setattr("billing.usage.journal.FLUSH_SECONDS", 0.01)
        journal = Journal(tmp_path, Begun, Record(), lambda row: row.id)
        journal.start()
        journal.begin(Begun("long"))

        def size() -> int:
            return sum(file.stat().st_size for file in tmp_path.glob("*/*.unfinished"))

        for number in range(2000):
            journal.begin(Begun(str(number)))
            journal.append(Begun(str(number), "ended"))
        wait_until(lambda: size() < 10_000)
        kept = b"".join(file.read_bytes() for file in tmp_path.glob("*/*.unfinished"))
        assert b'"long"' in kept
        journal.stop()

    def test_what_never_ended_is_told_when_the_worker_stops(self, tmp_path: Path) -> None:
        record = Record()
        journal = Journal(tmp_path, Begun, record, lambda row: row.id)
        journal.start()
        journal.begin(Begun("a"))
        journal.begin(Begun("b"))
        journal.append(Begun("b", "ended"))
        journal.stop()
        assert record.rows == {"a": "begun", "b": "ended"}


def test_rows_that_wait_have_a_limit_and_what_is_dropped_is_shouted_about(
    tmp_path: Path, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, Row, shelf, largest=1000)
    journal.start()
    shelf.is_broken = True
    for number in range(500):
        journal.append(Row(number))
    wait_until(lambda: "dropped" in (journal.trouble or ""))
    assert sum(file.stat().st_size for file in tmp_path.glob("*/*.jsonl")) <= 1000
    assert "were dropped" in caplog.text
    shelf.is_broken = False
    wait_until(lambda: journal.trouble is None)
    kept = len(shelf.rows)
    assert 0 < kept < 500
    journal.append(Row(500))
    wait_until(lambda: 500 in shelf.ids())
    journal.stop()
