"""Invalid commands and data give one message with its fix, exit code 2 and no partial output."""

import time

import numpy as np
import pytest

SPLITS = {"train": 12, "val": 6, "test": 6}


@pytest.fixture
def refused(command, tiny):
    """Run a command that must be refused, and return its message."""

    def run(*overrides):
        ended = command("run", *tiny, *overrides)
        assert ended.code == 2, ended.err
        assert ended.err.startswith("arogya-bench: ")
        assert ended.err.count("\nFix: ") == 1
        assert "Traceback" not in ended.err
        assert ended.left == []
        return ended.err

    return run


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed=abc"], "'abc'"),
        (["training.epochs=many"], "'many'"),
        (["device=gpu"], "Unknown device 'gpu'"),
        (["split.method=random"], "Unknown split method 'random'"),
        (["statistics.resamples=10"], "statistics.resamples=10"),
        (["limit=1"], "limit=1"),
        (["dataset.classes=99"], "dataset.classes=99"),
        (["model="], "There is no model ''"),
        (["seed="], "seed"),
        (["device="], "Unknown device ''"),
        (["dataset=medmnist"], "There is no config key 'dataset.cases'"),
        (["tracking=server"], "tracking.uri is empty"),
        (["tracking=server", "tracking.uri="], "tracking.uri is empty"),
        (["model=prior,opencv"], "add -m"),
        (["seed"], "'seed'"),
        (["--config-dir", "nowhere"], "nowhere is not a folder"),
        (["-m", "seed=1,two"], "'two'"),
        (["-m", "model=prior,opncv"], "Did you mean 'opencv'?"),
        (["-m", "device=cpu,gpu"], "Unknown device 'gpu'"),
        (["-m", "limit=10,1"], "limit=1"),
        (["-m", "tracking.experiment=a,b"], "spread its results"),
    ],
    ids=str,
)
def test_a_wrong_command_starts_nothing(refused, overrides, message):
    assert message in refused(*overrides)


def test_a_wrong_key_in_a_file_of_the_user_starts_nothing(refused, tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    (folder / "model").mkdir()
    text = "_target_: arogya_bench.models.opencv.OpenCVClassifier\nfeaturs: hog\n"
    (folder / "model" / "mine.yaml").write_text(text, encoding="utf-8")

    message = refused("--config-dir", str(folder), "model=mine")

    assert "model has no field 'featurs'. Did you mean 'features'?" in message


@pytest.fixture
def npz(tmp_path_factory):
    """Write a file in the layout of MedMNIST, with some arrays replaced."""
    folder = tmp_path_factory.mktemp("npz")

    def write(**changed):
        arrays = {}
        rng = np.random.default_rng(1)  # the gate rejects copies
        for key, count in SPLITS.items():
            arrays[f"{key}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            arrays[f"{key}_labels"] = (np.arange(count) % 2)[:, None]
        arrays |= changed
        file = folder / "pneumoniamnist.npz"
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
        return file

    return write


def labels(count, value):
    return np.full((count, 1), value)


def test_an_intact_file_is_evaluated(command, store, npz):
    overrides = ("model=prior", "statistics.resamples=2000", f"tracking.experiment={store.experiment}")

    ended = command("run", *overrides, "dataset=medmnist", f"dataset.path={npz()}")

    assert ended.code == 0, ended.err


@pytest.fixture
def refused_file(command, npz):
    """Run on a file that must be refused, and return the message."""

    def run(file):
        ended = command("run", "model=prior", "dataset=medmnist", f"dataset.path={file}")
        assert ended.code == 2, ended.err
        assert ended.err.count("\nFix: ") == 1
        assert ended.left == []
        return ended.err

    return run


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"val_images": None}, "lacks val_images"),
        ({"train_images": np.zeros((12, 28, 28), np.float32)}, "float32"),
        ({"train_images": np.zeros((12, 28, 28, 2), np.uint8)}, "12 x 28 x 28 x 2"),
        ({"train_images": np.zeros((0, 28, 28), np.uint8)}, "is empty"),
        ({"train_images": np.zeros((11, 28, 28), np.uint8)}, "11 images"),
        ({"test_labels": labels(6, 2)}, "the label 2"),
        ({"test_labels": labels(6, -1)}, "the label -1"),
        ({"test_labels": labels(6, 0.5)}, "not whole numbers"),
        ({"test_labels": np.zeros((6, 14), np.int64)}, "14 labels"),
        ({f"{key}_labels": labels(count, 1) for key, count in SPLITS.items()}, "two classes"),
    ],
    ids=[
        "missing array",
        "floats",
        "two channels",
        "no images",
        "fewer images than labels",
        "unknown class",
        "negative class",
        "fraction of a class",
        "several labels",
        "one class",
    ],
)
def test_a_wrong_array_starts_nothing(refused_file, npz, changed, message):
    assert message in refused_file(npz(**changed))


def test_a_missing_file_is_named(refused_file, tmp_path):
    assert "No MedMNIST file at" in refused_file(tmp_path / "absent.npz")


def test_an_empty_path_is_refused(refused_file):
    assert "No MedMNIST file" in refused_file("")


def test_a_file_cut_short_is_refused(refused_file, npz):
    file = npz()
    file.write_bytes(file.read_bytes()[:-200])

    assert "cannot be read as an .npz file" in refused_file(file)


def test_a_file_of_another_kind_is_refused(refused_file, tmp_path_factory):
    file = tmp_path_factory.mktemp("text") / "notes.npz"
    file.write_text("not an archive", encoding="utf-8")

    assert "cannot be read as an .npz file" in refused_file(file)


def test_fewer_cases_than_classes_are_refused(refused):
    assert "dataset.cases=4" in refused("dataset.cases=4")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n"], ids=["empty", "cut short"])
def test_a_damaged_image_in_the_cache_is_named(refused, tiny, command, store, tmp_path_factory, content):
    cache = tmp_path_factory.mktemp("cache")
    assert command("run", *tiny, f"dataset.cache={cache}").code == 0
    image = sorted(cache.rglob("*.png"))[0]
    image.write_bytes(content)

    message = refused(f"dataset.cache={cache}")

    assert image.name in message
    assert "delete the folder" in message


def test_a_file_where_artifacts_belong_is_refused(refused, tmp_path):
    (tmp_path / "mlruns").write_text("in the way", encoding="utf-8")

    assert f"{tmp_path}/mlruns cannot be written" in refused()


def test_a_store_that_is_no_database_is_refused_and_kept(refused, tmp_path):
    (tmp_path / "mlflow.db").write_text("a diary", encoding="utf-8")

    assert "mlflow.db is not a SQLite database" in refused()
    assert (tmp_path / "mlflow.db").read_text(encoding="utf-8") == "a diary"


def test_a_store_in_a_folder_that_is_not_there_is_refused(refused):
    assert "There is no folder" in refused("tracking.uri=sqlite:///no/such/mlflow.db")


@pytest.mark.parametrize("uri", ["nonsense", "sqlite://mlflow.db", "ftp://host"])
def test_an_address_that_mlflow_does_not_know_is_refused(refused, uri):
    assert f"The tracking store {uri} does not respond" in refused(f"tracking.uri={uri}")


def test_a_server_that_is_not_there_is_said_within_half_a_minute(refused):
    began = time.monotonic()

    message = refused("tracking=server", "tracking.uri=http://nurse:hush@127.0.0.1:9")

    assert time.monotonic() - began < 30
    assert "The tracking store http://127.0.0.1:9 does not respond" in message
    assert "hush" not in message
