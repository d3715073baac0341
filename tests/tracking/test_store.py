import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from arogya_bench.errors import TrackingError
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.locks import cell_lock
from arogya_bench.runtime.store_urls import sqlite_path, without_credentials
from arogya_bench.tracking.store import (
    MIN_RETRY_BUDGET_S,
    absolute_uri,
    check_folder,
    default_uri,
    find_store,
    open_store,
    ping_store,
    retry_budget_s,
    use_mlflow_run_experiment,
)
from arogya_bench.tracking.store_errors import whole_sentences


@pytest.fixture
def dead_server():
    """An address on this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://nurse:hush@127.0.0.1:{port}"


def test_mlflows_own_retries_span_a_server_that_is_away_for_a_minute(monkeypatch):
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", raising=False)

    assert retry_budget_s() == 4 + 8 + 16 + 32 + 64 + 120 > MIN_RETRY_BUDGET_S


def test_fewer_retries_span_less(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")

    assert retry_budget_s() == 4


def test_the_default_is_mlflows_own_store_in_this_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert default_uri() == f"sqlite:///{tmp_path}/mlflow.db"


def test_the_variable_of_mlflow_takes_the_place_of_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")

    assert default_uri() == f"sqlite:///{tmp_path}/other.db"


def test_a_sqlite_address_forgets_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert absolute_uri("sqlite:///mlflow.db") == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize("name", ["ward 7", "100%25 Ärzte?"])
def test_a_store_lies_in_the_folder_whatever_that_is_called(name, tmp_path, monkeypatch):
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)

    store = open_store(None, "study", create=True)

    assert sqlite_path(store.uri) == folder / "mlflow.db"
    assert (folder / "mlflow.db").stat().st_size > 0


def test_an_address_with_marks_of_percent_is_read_as_mlflow_reads_it(tmp_path):
    (tmp_path / "ward 7").mkdir()
    uri = f"sqlite:///{tmp_path}/ward%207/mlflow.db"

    store = open_store(uri, "study", create=True)

    assert store.uri == f"sqlite:///{tmp_path}/ward 7/mlflow.db"


def test_the_address_of_a_server_stays_as_it_is():
    assert absolute_uri("http://127.0.0.1:5000") == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://nurse:hush@host:5000/a", "http://host:5000/a"),
        ("postgresql://nurse:hu@sh@host/db", "postgresql://host/db"),
        ("sqlite:////tmp/a@b/mlflow.db", "sqlite:////tmp/a@b/mlflow.db"),
        ("http://host:5000", "http://host:5000"),
    ],
)
def test_an_address_is_shown_without_its_password(uri, shown):
    assert without_credentials(uri) == shown


def test_a_new_experiment_keeps_its_files_beside_the_store(store, tmp_path):
    other = open_store(store.uri, "site A/2026", create=True)

    location = other.client.get_experiment(other.experiment_id).artifact_location

    assert location == f"{tmp_path}/mlruns/site_A_2026"


def test_an_experiment_is_found_again(store):
    again = open_store(store.uri, store.experiment, create=False)

    assert again.experiment_id == store.experiment_id


def test_an_mlflow_run_whose_store_is_not_there_makes_none(tmp_path, monkeypatch):
    uri = "sqlite:///mlflow.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "1")

    with pytest.raises(TrackingError, match=r"whole path: sqlite:////folder/mlflow\.db"):
        use_mlflow_run_experiment()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 500, "ward/" * 60, "病" * 300, ".."], ids=["long", "slashes", "wide", "dots"])
def test_files_of_an_experiment_of_any_name_have_a_folder_of_their_own(store, tmp_path, name):
    named = open_store(store.uri, name, create=True)

    folder = Path(named.client.get_experiment(named.experiment_id).artifact_location)

    folder.mkdir(parents=True)  # no file system refuses it
    assert folder.resolve().parent == tmp_path / "mlruns"


def test_two_long_names_that_begin_alike_have_two_folders(store):
    stores = [open_store(store.uri, "x" * 300 + end, create=True) for end in "ab"]

    locations = {each.client.get_experiment(each.experiment_id).artifact_location for each in stores}

    assert len(locations) == 2


def test_a_name_that_mlflow_does_not_take_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(TrackingError, match="501 characters; MLflow takes 500"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db", "x" * 501, create=True)

    assert list(tmp_path.iterdir()) == []


def test_the_link_opens_the_page_for_models(store):
    assert store.ui_path.endswith(f"/{store.experiment_id}/runs?workflowType=machine_learning")


def test_readers_do_not_wait_for_writers(store, tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()

    assert mode == "wal"


def in_a_process_of_its_own(database, query):
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "print(c.execute(sys.argv[2]).fetchall()); c.commit(); c.close()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(database), query], capture_output=True, text=True, check=True
    )
    return ended.stdout.strip()


def test_looking_at_a_store_takes_no_lock_from_those_who_use_it(tmp_path):
    """Else another process takes the log away under this one, and what this one writes is lost."""
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as open_all_the_time:
        open_all_the_time.execute("PRAGMA journal_mode=WAL")
        open_all_the_time.execute("CREATE TABLE runs (name)")

        check_folder(database, create=False)

        in_a_process_of_its_own(database, "INSERT INTO runs VALUES ('theirs')")
        open_all_the_time.execute("INSERT INTO runs VALUES ('ours')")
        open_all_the_time.commit()
        seen = in_a_process_of_its_own(database, "SELECT name FROM runs")
    assert seen == "[('theirs',), ('ours',)]"


def test_a_store_answers_with_its_experiments(store):
    assert ping_store(store.uri) == 2  # MLflow's own and the one of the tests


def test_a_mistyped_experiment_names_the_nearest(store):
    with pytest.raises(TrackingError, match=r"no experiment 'studdy'.* Did you mean 'study'\?"):
        open_store(store.uri, "studdy", create=False)


def test_a_deleted_experiment_says_how_to_restore_it(store):
    store.client.delete_experiment(store.experiment_id)

    with pytest.raises(TrackingError, match="was deleted") as refusal:
        open_store(store.uri, store.experiment, create=True)

    assert f"mlflow experiments restore --experiment-id {store.experiment_id}" in refusal.value.fix


def test_reading_where_no_store_is_makes_none(tmp_path):
    with pytest.raises(TrackingError, match="no MLflow store"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=False)

    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_is_said_within_seconds(dead_server):
    began = time.monotonic()

    with pytest.raises(TrackingError, match="does not respond"):
        open_store(dead_server, "study", create=False)

    assert time.monotonic() - began < 20


def test_a_server_that_is_away_gives_no_password_away(dead_server):
    with pytest.raises(TrackingError) as refusal:
        ping_store(dead_server)

    assert "hush" not in str(refusal.value)


def test_asking_a_server_changes_no_setting_for_good(dead_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)

    with pytest.raises(TrackingError):
        ping_store(dead_server)

    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_an_unknown_kind_of_store_is_explained():
    with pytest.raises(TrackingError, match="does not respond as expected"):
        ping_store("gopher://127.0.0.1/runs")


def test_a_text_in_the_place_of_the_store_is_named(tmp_path):
    (tmp_path / "mlflow.db").write_text("notes on MLflow\n" * 9)

    with pytest.raises(TrackingError, match=r"mlflow\.db is not a SQLite database"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=True)


def test_a_folder_in_the_place_of_the_store_is_named(tmp_path):
    (tmp_path / "mlflow.db").mkdir()

    with pytest.raises(TrackingError, match=r"mlflow\.db is not a SQLite database"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=True)


def test_a_file_in_the_place_of_the_artifacts_is_named(tmp_path):
    (tmp_path / "mlruns").write_text("not a folder")

    with pytest.raises(TrackingError, match=r"mlruns cannot be written"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=True)


def test_a_store_in_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TrackingError, match=r"absent"):
        open_store(f"sqlite:///{tmp_path}/absent/deeper/mlflow.db", "study", create=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)

    with pytest.raises(TrackingError, match="cannot be written"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=True)


def test_a_store_that_another_sweep_creates_is_waited_for(tmp_path, empty_store_folder):
    """A file that is no database yet would otherwise be read, or get its tables twice."""
    database, uri = tmp_path / "mlflow.db", f"sqlite:///{tmp_path}/mlflow.db"
    begun = threading.Event()

    def create():
        with cell_lock(digest_of({"store": uri})):
            database.write_bytes(b"half of a store")
            begun.set()
            time.sleep(0.5)
            shutil.copy2(empty_store_folder / "mlflow.db", database)

    creating = threading.Thread(target=create)
    creating.start()
    begun.wait(10)
    found = find_store(uri, "another experiment")
    creating.join()

    assert found is None


@pytest.mark.parametrize(
    "host", ["localhost:5000", "127.0.0.1:5000", "mlflow.lab:80/x", "me:secret@box:5000", "localhost"]
)
def test_a_server_without_http_is_told_from_a_folder(host):
    with pytest.raises(TrackingError, match="without http://") as refused:
        absolute_uri(host)

    assert f"write http://{host.rpartition('@')[2]}," in refused.value.fix
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("uri", ["http://localhost:5000", "databricks", "databricks://lab", "mlruns", "C:/mlruns"])
def test_other_addresses_are_left_to_mlflow(uri):
    assert absolute_uri(uri) == uri


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(TrackingError, match=rf"There is no folder {re.escape(str(tmp_path / 'nodir'))}"):
        check_folder(tmp_path / "nodir" / "x.db", create=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Old. See https://mlflow.org/x", "Old."),
        (f"First. {'word ' * 80}", "First."),
        (f"{'w' * 400}", f"{'w' * 300} …"),
    ],
)
def test_messages_of_mlflow_end_with_a_sentence(text, expected):
    assert whole_sentences(text) == expected


def test_a_kind_of_store_that_mlflow_lacks_is_no_server_to_start(tmp_path):
    with pytest.raises(TrackingError) as caught:
        open_store("foo://bar", "x", create=True, retry=False)

    assert "such as sqlite:///mlflow.db" in caught.value.fix
    assert "mlflow server" not in caught.value.fix
