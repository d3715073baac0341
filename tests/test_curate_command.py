"""``arogya-bench data curate``: what it writes can be given away, checked and used."""

import json

import numpy as np
import PIL.Image
import pytest

SECRET = "0123456789abcdef0123456789abcdef"
CLASSES = ("benign", "malignant")


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("AROGYA_SECRET", SECRET)


@pytest.fixture
def raw(tmp_path):
    """Sixty patients with two JPEGs each, which say who they are."""
    rng = np.random.default_rng(7)
    for patient in range(60):
        for visit in range(2):
            file = tmp_path / "raw" / CLASSES[patient % 2] / f"doe{patient:02}-{visit}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            exif = PIL.Image.Exif()
            exif[0x010E] = f"Doe {patient}"
            PIL.Image.fromarray(pixels).resize((48, 48)).save(file, exif=exif)
    return tmp_path / "raw"


@pytest.fixture
def curate(command, raw, tmp_path):
    def run(*words):
        return command(
            "data", "curate", str(raw), str(tmp_path / "clean"), "--licence", "CC0-1.0",
            "dataset.group='(doe[0-9]+)-'", "split.train=0.6", "split.validation=0.2",
            "split.test=0.2", *words,
        )  # fmt: skip

    return run


def test_the_result_is_divided_checked_and_names_nobody(curate, tmp_path):
    ended = curate()

    assert (ended.code, ended.err) == (0, "")
    assert "120 cases" in ended.out
    assert "AB602 Metadata was removed" in ended.out
    assert "Gate: no error" in ended.out
    for file in (tmp_path / "clean").rglob("*"):
        assert "doe" not in str(file.relative_to(tmp_path)).lower()
        assert file.is_dir() or b"doe" not in file.read_bytes().lower()
    assert SECRET not in ended.out


def test_the_result_can_be_evaluated(curate, command, tmp_path):
    curate()

    ended = command(
        "run", "model=prior", "dataset=image_folder", f"dataset.path={tmp_path / 'clean'}",
        "dataset.manifest=manifest.csv", "dataset.licence=CC0-1.0", "statistics.resamples=2000",
        f"tracking.uri=sqlite:///{tmp_path}/mlflow.db",
    )  # fmt: skip

    assert ended.code == 0, ended.err


def test_running_again_changes_nothing(curate, tmp_path):
    curate()
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "clean").rglob("*")}

    ended = curate()

    assert "0 written now" in ended.out
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "clean").rglob("*")} == before


def test_what_is_damaged_is_quarantined_and_said(curate, raw, tmp_path):
    (raw / "benign" / "doe00-0.jpg").write_bytes(b"no image")

    ended = curate()

    assert ended.code == 0
    assert "1 case quarantined" in ended.out
    assert json.loads((tmp_path / "clean" / "card.json").read_text())["quarantined"] == 1


def test_without_a_secret_nothing_is_written(curate, monkeypatch):
    monkeypatch.delenv("AROGYA_SECRET")

    ended = curate()

    assert ended.code == 2
    assert "AROGYA_SECRET" in ended.err
    assert ended.left == []


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("splt.method=group", "Did you mean 'split'?"),
        ("group", "is no setting of dataset or split"),
        ("split.method=grup", "Did you mean 'group'?"),
        ("split.tran=0.5", "Did you mean 'train'?"),
        ("dataset.grup=x", "group"),
    ],
)
def test_a_mistyped_setting_is_refused(curate, word, message):
    ended = curate(word)

    assert ended.code == 2
    assert message in ended.err
    assert ended.left == []


def test_errors_in_the_result_end_with_2(curate, raw):
    copy = (raw / "benign" / "doe00-0.jpg").read_bytes()
    for patient in range(1, 60):
        (raw / CLASSES[patient % 2] / f"doe{patient:02}-2.jpg").write_bytes(copy)

    ended = curate()

    assert ended.code == 2
    assert "AB102 error" in ended.out
