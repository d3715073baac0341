import multiprocessing
import os
import sqlite3
import stat
from contextlib import closing

import pytest
from api_calls import MOST_USD, USD, Client, answer, good, read, request_of, requests_of

from arogya_bench.api_models.calls import CallError
from arogya_bench.api_models.ledger import CallLedger, ledger_path
from arogya_bench.errors import ApiError, ConfigError
from arogya_bench.runtime.process import current_process
from arogya_bench.runtime.redaction import register_secrets


def test_the_variable_names_the_file(monkeypatch, tmp_path):
    monkeypatch.setenv("AROGYA_API_LEDGER", str(tmp_path / "calls.sqlite"))

    assert ledger_path() == tmp_path / "calls.sqlite"


def test_without_it_the_file_is_in_the_data_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("AROGYA_API_LEDGER", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert ledger_path().name == "api_ledger.sqlite"
    assert ledger_path().parent.name == "arogya-bench"


def test_only_its_user_may_read_it(tmp_path):
    file = tmp_path / "new" / "ledger.sqlite"

    with CallLedger(file).connect() as connection:
        connection.execute("INSERT INTO pauses VALUES ('a', 0)")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}

    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert len(modes) == 3  # with the write-ahead log
    assert set(modes.values()) == {0o600}


def test_many_processes_may_create_it_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    files, begin = [tmp_path / f"ledger-{number}.sqlite" for number in range(20)], context.Barrier(6)

    def create():
        begin.wait()
        for file in files:
            with CallLedger(file).connect() as connection:
                connection.execute("INSERT INTO pauses VALUES (?, 0)", (str(os.getpid()),))

    processes = [context.Process(target=create) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * 6
    # SQLite leaves its write-ahead log where two connections are closed at the same moment.
    left = {path.name for path in tmp_path.iterdir() if not path.name.endswith(("-wal", "-shm"))}
    assert left == {file.name for file in files}
    for file in files:
        with CallLedger(file).connect() as connection:
            assert len(connection.execute("SELECT * FROM pauses").fetchall()) == 6


def test_every_attempt_is_a_row_with_its_answer_tokens_and_cost(tmp_path):
    def behave(request, n):
        return good("malformed: a comma") if n == 0 else good()

    answer(Client(behave), [request_of()], tmp_path / "ledger.sqlite")
    first, second = CallLedger(tmp_path / "ledger.sqlite").attempts(request_of().key)

    assert (first.status, first.error, first.usd) == ("malformed", "malformed: a comma", USD)
    assert (second.status, second.error, second.usd) == ("ok", "", USD)
    assert second.reply == good()
    assert first.ended_at <= second.sent_at <= second.ended_at


def test_an_answer_is_found_once_it_is_final(tmp_path):
    file = tmp_path / "ledger.sqlite"
    client = Client(lambda request, n: good("ok") if request.repeat == 0 else CallError("server", "500"))
    answered, failed = request_of(), request_of(repeat=1)
    answer(client, [answered, failed], file)

    assert CallLedger(file).find_answer(answered.key).reply.text == "ok"
    assert CallLedger(file).find_answer(failed.key) is None
    assert CallLedger(file).find_answer("0" * 64) is None


def test_neither_images_nor_secrets_are_in_it(tmp_path):
    register_secrets(["key-that-nobody-may-see"])

    def behave(request, n):
        return CallError("connection", "wrong header key-that-nobody-may-see") if n == 0 else good()

    answer(Client(behave), requests_of(3), tmp_path / "ledger.sqlite")
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"wrong header ***" in stored
    assert b"key-that-nobody-may-see" not in stored
    assert b"image 1" not in stored


def test_text_that_is_no_unicode_is_stored(tmp_path):
    outcome = answer(Client(lambda request, n: good("ok:\ud800\0")), [request_of()], tmp_path / "ledger.sqlite")[0]

    assert outcome.answer == read(good())
    assert CallLedger(tmp_path / "ledger.sqlite").attempts(request_of().key)[0].reply.text == "ok:?\0"


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "ledger.sqlite").write_text("an answer " * 1000, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"not a database[\s\S]*AROGYA_API_LEDGER"):
        answer(Client(), [request_of()], tmp_path / "ledger.sqlite")


def test_a_ledger_of_a_later_version_is_refused(tmp_path):
    with CallLedger(tmp_path / "ledger.sqlite").connect() as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(ConfigError, match="later version"):
        answer(Client(), [request_of()], tmp_path / "ledger.sqlite")


def test_another_database_is_refused_and_left_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute("CREATE TABLE runs (name)")

    with pytest.raises(ConfigError, match="another program"):
        answer(Client(), [request_of()], tmp_path / "mlflow.db")

    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]


def test_a_ledger_that_fails_ends_the_cell(tmp_path):
    file = tmp_path / "ledger.sqlite"

    def behave(request, n):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DROP TABLE spending")
        return good()

    with pytest.raises(ApiError, match="no such table: spending"):
        answer(Client(behave), [request_of()], file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)

    with pytest.raises(ConfigError, match="AROGYA_API_LEDGER"):
        answer(Client(), [request_of()], tmp_path / "ledger.sqlite")


def test_other_programs_can_read_it(tmp_path):
    answer(Client(), requests_of(2), tmp_path / "ledger.sqlite")

    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection:
        rows = connection.execute("SELECT status, model, input, output, usd FROM attempts").fetchall()

    assert rows == [("ok", "test model-1", 1000, 100, 550_000_000)] * 2


def test_the_calls_of_a_process_cost_what_was_reported_what_may_be_billed_and_what_is_in_flight(tmp_path):
    ledger, seen = CallLedger(tmp_path / "ledger.sqlite"), []
    owner = str(current_process())

    def behave(request, n):
        seen.append(ledger.spent_by(owner))
        return CallError("timeout", "no answer", may_be_billed=True) if n == 0 else good()

    answer(Client(behave), [request_of()], ledger.path)

    assert seen == [MOST_USD, 2 * MOST_USD]  # in flight; may be billed and in flight
    assert ledger.spent_by(owner) == MOST_USD + USD
    assert ledger.spent_by("other 1 0.00") == 0


def test_without_a_file_nothing_was_spent_and_none_is_written(tmp_path):
    assert CallLedger(tmp_path / "ledger.sqlite").spent_by("other 1 0.00") == 0
    assert not list(tmp_path.iterdir())
