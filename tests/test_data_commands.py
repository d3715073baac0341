"""``arogya-bench data``: what it prints, what it writes, and how it ends."""

import json

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.medmnist_files import PUBLISHED

CLASSES = ("benign", "malignant")


@pytest.fixture
def tree(tmp_path):
    """Forty patients with two images each, in class folders, as noise that no hash confuses."""
    folder = tmp_path / "clinic"
    rng = np.random.default_rng(3)
    for patient in range(60):
        for visit in range(2):
            place = folder / CLASSES[patient % 2] / f"p{patient:02}-{visit}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).resize((48, 48)).save(place)
    return folder


@pytest.fixture
def settings(tree):
    return (f"dataset.path={tree}", "dataset.licence=CC0-1.0", "dataset.group='(p[0-9]+)-'",
            "split.train=0.6", "split.validation=0.2", "split.test=0.2")  # fmt: skip


def test_a_sound_dataset_passes_the_gate(command, settings):
    ended = command("data", "check", "image_folder", *settings)

    assert (ended.code, ended.err) == (0, "")
    assert "Gate: no error and no warning in 120 cases of clinic" in ended.out.replace("\n", " ")
    assert ended.left == []


def test_what_is_wrong_is_said_with_its_code_and_its_fix(command, settings, tree, tmp_path):
    (tree / "benign" / "p00-0.png").write_bytes(b"")

    ended = command("data", "check", "image_folder", *settings, "--json", "findings.json")

    assert ended.code == 2
    assert "AB203 error" in ended.out
    assert "→ get the files again" in ended.out
    assert "benign/p00-0" in ended.out
    assert [str(name) for name in ended.left] == ["findings.json"]


def test_findings_are_also_json(command, settings, tree, tmp_path):
    (tree / "benign" / "p00-0.png").write_bytes(b"")
    file = tmp_path / "findings.json"

    command("data", "check", "image_folder", *settings, "--json", str(file))

    said = json.loads(file.read_text())
    assert [each["code"] for each in said["findings"] if each["severity"] == "error"] == ["AB203"]
    assert said["unusable"] == ["benign/p00-0"]


def test_a_description_has_the_card_the_counts_and_a_picture(command, settings, tmp_path):
    ended = command("data", "describe", "image_folder", *settings, "--out", str(tmp_path / "card"))

    assert (ended.code, ended.err) == (0, "")
    assert "CC0-1.0" in ended.out
    assert "malignant" in ended.out
    with PIL.Image.open(tmp_path / "card" / "clinic.png") as sheet:
        assert sheet.size[0] > 600
    assert json.loads((tmp_path / "card" / "clinic.json").read_text())["licence"] == "CC0-1.0"


@pytest.mark.parametrize("words", [("check", "ham1000"), ("describe", "ham1000")])
def test_a_mistyped_name_gets_the_nearest(command, words):
    ended = command("data", *words)

    assert ended.code == 2
    assert "Did you mean 'ham10000'?" in ended.err


def test_a_set_without_an_account_is_told_from_one_with(command):
    ended = command("data", "fetch")

    assert ended.code == 0
    assert all(name in ended.out for name in PUBLISHED)
    assert "ham10000" in ended.out


@pytest.mark.parametrize("name", ["ham10000", "isic2019", "eyepacs", "covid_cxr", "oral_cancer"])
def test_the_way_to_a_public_set_is_shown_and_nothing_is_fetched(command, name):
    ended = command("data", "fetch", name)

    assert (ended.code, ended.err, ended.left) == (0, "", [])
    assert "dataset.path=/path/to/it" in ended.out


def test_an_unknown_set_is_refused(command):
    ended = command("data", "fetch", "pneumonmnist")

    assert ended.code == 2
    assert "Did you mean 'pneumoniamnist'?" in ended.err


def test_data_without_a_command_is_an_error_of_use(command):
    assert command("data").code == 2
