import sys

import pytest

from arogya_bench.errors import ArtifactMissing, MissingExtra, TrackingError
from arogya_bench.tracking import artifacts
from arogya_bench.tracking.items import Text
from arogya_bench.tracking.runs import get_run, start_run, write_items
from arogya_bench.tracking.store import open_store

NOTE = Text(file="notes/note.txt", text="all well")


@pytest.fixture
def keys(s3, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def cloud(store, keys):
    """An experiment of a local store whose files lie on S3."""
    store.client.create_experiment("cloud", "s3://studies/cloud")
    return open_store(store.uri, "cloud", create=True)


@pytest.fixture
def noted(cloud):
    """A run with one file on S3."""
    run_id = start_run(cloud, "noted", {})
    write_items(cloud, run_id, [NOTE])
    return get_run(cloud.uri, run_id)


@pytest.fixture
def s3_away(keys, monkeypatch):
    """Let S3 be where nothing listens, for those who ask from now on."""

    def leave():
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9")

    return leave


def test_a_file_on_s3_comes_back(cloud, noted):
    with artifacts.fetch_artifact(noted, NOTE.file, uri=cloud.uri) as path:
        assert path.read_text() == NOTE.text


def test_a_file_that_s3_does_not_have_is_gone(cloud, noted):
    with (
        pytest.raises(ArtifactMissing, match=r"no artifact 'other\.txt'"),
        artifacts.fetch_artifact(noted, "other.txt", uri=cloud.uri),
    ):
        pass


def test_a_file_is_not_called_gone_when_s3_does_not_answer(cloud, noted, s3_away):
    s3_away()

    with (
        pytest.raises(TrackingError, match="could not be fetched") as refusal,
        artifacts.fetch_artifact(noted, NOTE.file, uri=cloud.uri),
    ):
        pass

    assert not isinstance(refusal.value, ArtifactMissing)


def test_s3_that_takes_no_files_is_explained(cloud, s3_away):
    s3_away()
    run_id = start_run(cloud, "noted", {})

    with pytest.raises(TrackingError, match="S3, which rejected the request") as refusal:
        write_items(cloud, run_id, [NOTE])

    assert "AWS_ACCESS_KEY_ID" in refusal.value.fix


def test_files_on_s3_need_an_extra_which_is_named_before_any_work(cloud, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(MissingExtra, match=r"\[s3\]"):
        open_store(cloud.uri, "cloud", create=False)
