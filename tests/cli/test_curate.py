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
            "dataset.group='(doe[0-9]+)-'", "split.train=0.3", "split.validation=0.2",
            "split.test=0.5", *words,
        )  # fmt: skip

    return run


def test_the_result_is_divided_checked_and_names_nobody(curate, tmp_path):
    ended = curate()

    assert (ended.code, ended.err) == (0, "")
    assert "120 cases" in ended.out
    assert "AB602 Metadata that may identify a person was removed" in ended.out
    assert "Gate: no error" in ended.out
    written = list((tmp_path / "clean").rglob("*"))
    assert len(written) > 120
    for file in written:
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
    assert "pseudonyms: --key-file FILE writes the original id" in ended.out
    assert json.loads((tmp_path / "clean" / "card.json").read_text())["quarantined"] == 1


def test_a_case_can_be_left_out_by_its_original_id(curate, tmp_path):
    (tmp_path / "list.txt").write_text("benign/doe00-0.jpg\n")

    ended = curate(f"dataset.exclude={tmp_path / 'list.txt'}", "--key-file", str(tmp_path / "key.csv"))

    assert "119 cases" in ended.out
    assert f"pseudonyms: {tmp_path / 'key.csv'} holds the original id" in ended.out


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
        ("group", "is not a setting of dataset or split"),
        ("split.method=grup", "Did you mean 'group'?"),
        ("split.tran=0.5", "Did you mean 'train'?"),
        ("dataset.grup=x", "group"),
        ("dataset.window=wide", "dataset.window"),
        ("dataset.window=[9,3]", "dataset.window=[9.0, 3.0] is not two finite numbers"),
        ("dataset.ordinal=often", "dataset.ordinal"),
        ("dataset.path=x", "dataset.path is not an option of the layout class_folders"),
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


def test_what_is_restored_and_left_out_is_said(curate, raw, tmp_path):
    (raw / "benign" / "doe00 report.pdf").write_bytes(b"%PDF")
    curate()
    next((tmp_path / "clean" / "images").iterdir()).write_bytes(b"tampered")

    ended = curate()

    assert "0 written now.\n1 case restored: files had been changed or deleted." in ended.out
    assert "Other files left out: 1." in ended.out
    assert "Note: Files that are not images in a class folder" in ended.out
    assert json.loads((tmp_path / "clean" / "card.json").read_text())["left_out"] == {
        "images left out": 0,
        "other files left out": 1,
        "images without a patient": 0,
    }


def wide(folder, count=60):
    """Sixteen-bit images of two patients' groups in class folders."""
    for number in range(count):
        file = folder / CLASSES[number % 2] / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(number).integers(0, 4096, (16, 16)).astype(np.uint16)
        PIL.Image.fromarray(values).save(file)
    return folder


def test_a_window_that_the_source_needs_is_used_for_the_result_too(command, tmp_path):
    words = (str(wide(tmp_path / "wide")), str(tmp_path / "clean"), "--licence", "CC0-1.0")

    ended = command(
        "data", "curate", *words, "dataset.window=[0,4095]", "dataset.ordinal=true",
        "dataset.classes=[malignant,benign]",
    )  # fmt: skip

    card = json.loads((tmp_path / "clean" / "card.json").read_text())
    assert (ended.code, ended.err) == (0, "")
    assert "AB207" not in ended.out
    assert card["reading"] == {"window": [0.0, 4095.0], "ordinal": True}
    assert card["classes"] == ["malignant", "benign"]


def test_pairs_are_divided_and_looked_at_by_the_gate(command, tmp_path):
    raw = tmp_path / "pairs"
    for place in ("images", "masks"):
        (raw / place).mkdir(parents=True)
    for number in range(24):
        values = np.random.default_rng(number).integers(0, 4096, (16, 16)).astype(np.uint16)
        name = f"doe{number // 2:02}-{number % 2}.png"
        PIL.Image.fromarray(values).save(raw / "images" / name)
        drawn = np.where(values > 2048, 255, 0).astype(np.uint8)
        PIL.Image.fromarray(drawn).save(raw / "masks" / name)
    words = (str(raw), str(tmp_path / "clean"), "--licence", "CC0-1.0")

    ended = command("data", "curate", *words, "dataset.window=[0,4095]", "dataset.group='(doe[0-9]+)-'")

    report = json.loads((tmp_path / "clean" / "gate.json").read_text())
    assert (ended.code, ended.err) == (0, "")
    assert "Split: group-80-10-10-s42" in ended.out
    assert (report["cases"], report["split"]) == (24, "official")


def test_slices_of_curated_volumes_stay_with_their_patient(command, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    raw = tmp_path / "volumes"
    for place, top in (("images", 900), ("masks", 2)):
        (raw / place).mkdir(parents=True)
        for number in range(12):
            values = np.random.default_rng(number).integers(0, top, (12, 10, 3)).astype(np.int16)
            name = f"doe{number // 2:02}-{number % 2}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), raw / place / name)
    words = (str(raw), str(tmp_path / "clean"), "--licence", "CC0-1.0")

    ended = command("data", "curate", *words, "dataset.window=[0,899]", "dataset.group='(doe[0-9]+)-'")

    report = json.loads((tmp_path / "clean" / "gate.json").read_text())
    assert (ended.code, ended.err) == (0, "")
    assert (report["cases"], report["split"]) == (36, "official")
    assert not {"AB101"} & {finding["code"] for finding in report["findings"]}
