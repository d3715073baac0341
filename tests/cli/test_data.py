"""``arogya-bench data``: what it prints, what it writes, and how it ends."""

import json

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from arogya_bench.datasets.medmnist_files import PUBLISHED
from arogya_bench.figures.fonts import choose_fonts

HIEROGLYPH = "\N{EGYPTIAN HIEROGLYPH A001}"
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
            "split.train=0.3", "split.validation=0.2", "split.test=0.5")  # fmt: skip


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
    assert "such as benign/p00-0.png" in ended.out
    assert [str(name) for name in ended.left] == ["findings.json"]


def test_an_animation_is_said_to_be_one(command, settings, tree):
    frames = [PIL.Image.new("RGB", (48, 48), colour) for colour in ("red", "blue")]
    frames[0].save(tree / "benign" / "p00-7.gif", save_all=True, append_images=frames[1:])

    ended = command("data", "check", "image_folder", *settings)

    assert ended.code == 2
    assert "AB208 error" in ended.out
    assert "such as benign/p00-7.gif" in ended.out


def test_findings_are_also_json(command, settings, tree, tmp_path):
    (tree / "benign" / "p00-0.png").write_bytes(b"")
    file = tmp_path / "findings.json"

    command("data", "check", "image_folder", *settings, "--json", str(file))

    said = json.loads(file.read_text())
    assert [each["code"] for each in said["findings"] if each["severity"] == "error"] == ["AB203"]
    assert said["unusable"] == ["benign/p00-0"]


def test_every_copy_is_in_a_file_that_the_output_names(command, settings, tree, tmp_path):
    """Nine copies under another label, of which a finding names five."""
    for number in range(0, 18, 2):
        (tree / "malignant" / f"p{number:02}-9.png").write_bytes((tree / "benign" / f"p{number:02}-0.png").read_bytes())

    ended = command("data", "check", "image_folder", *settings, "--out", str(tmp_path / "check"))

    listed = pd.read_csv(tmp_path / "check" / "copies.csv").query("code == 'AB103'")
    assert ended.code == 2
    assert f"): {tmp_path / 'check' / 'copies.csv'}" in ended.out
    assert len(listed) == 9
    assert set(listed["first_class"]) == {"benign"}
    assert set(listed["second_class"]) == {"malignant"}
    assert json.loads((tmp_path / "check" / "gate.json").read_text())["findings"][0]["code"] == "AB103"


def test_a_description_has_the_card_the_counts_and_a_picture(command, settings, tmp_path):
    ended = command("data", "describe", "image_folder", *settings, "--out", str(tmp_path / "card"))

    assert (ended.code, ended.err) == (0, "")
    assert "CC0-1.0" in ended.out
    assert "malignant" in ended.out
    with PIL.Image.open(tmp_path / "card" / "clinic.png") as sheet:
        assert sheet.size[0] > 600
    assert json.loads((tmp_path / "card" / "clinic.json").read_text())["licence"] == "CC0-1.0"


@pytest.mark.parametrize(
    ("words", "problem", "fix"),
    [
        (("describe", "--out", "taken"), "taken is a file, not a folder", "--out"),
        (("describe", "--out", "taken/deeper"), "taken is a file, not a folder", "--out"),
        (("describe", "--out", "folder"), "clinic.png cannot be written: Is a directory", "--out"),
        (("check", "--json", "/dev/full"), "/dev/full cannot be written: No space left on device", "--json"),
        (("check", "--json", "taken/findings.json"), "taken is a file, not a folder", "--json"),
        (("check", "--json", "folder"), "folder cannot be written: Is a directory", "--json"),
    ],
)
def test_a_file_that_cannot_be_written_is_named(command, settings, tmp_path, words, problem, fix):
    name, *options = words
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "folder" / "clinic.png").mkdir(parents=True)

    ended = command("data", name, "image_folder", *settings, *options)

    assert ended.code == 2
    assert problem in ended.err
    assert fix in ended.err
    assert (tmp_path / "taken").read_text() == "a file"


def test_folders_above_the_findings_are_made(command, settings, tmp_path):
    ended = command("data", "check", "image_folder", *settings, "--json", "new/deep/findings.json")

    assert ended.code == 0
    assert (tmp_path / "new" / "deep" / "findings.json").is_file()


@pytest.mark.slow
def test_letters_without_a_font_are_said(command, settings, tree, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    if not choose_fonts([HIEROGLYPH]).missing:
        pytest.skip("this machine has a font with hieroglyphs")
    (tree / "benign").rename(tree / HIEROGLYPH)

    ended = command("data", "describe", "image_folder", *settings)

    assert ended.code == 0
    assert f"No font of this machine has {HIEROGLYPH}: the sheet shows" in ended.out


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


def noise(channels=3):
    rng = np.random.default_rng(9)
    return rng.integers(0, 256, (48, 48, channels), dtype=np.uint8)


def cut(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def animated(file):
    first, second = (PIL.Image.fromarray(np.roll(noise(), n)) for n in (0, 99))
    first.save(file, save_all=True, append_images=[second])


WRITERS = {
    "empty": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_bytes(b"no image at all"),
    "cut": cut,
    "cmyk": lambda file: PIL.Image.fromarray(noise(4), "CMYK").save(file, format="JPEG"),
    "palette": lambda file: PIL.Image.fromarray(noise()).quantize(200).save(file),
    "deep": lambda file: PIL.Image.fromarray(noise()[..., 0].astype(np.uint16) * 200).save(file),
    "animated": animated,
    "flat": lambda file: PIL.Image.new("RGB", (48, 48), (9, 9, 9)).save(file),
}
FAULTS = {
    "empty": "AB203", "text": "AB201", "cut": "AB202", "cmyk": "AB205", "palette": "AB206",
    "deep": "AB207", "animated": "AB208", "flat": "AB211",
}  # fmt: skip


def codes(command, settings, tmp_path):
    file = tmp_path / "findings.json"
    command("data", "check", "image_folder", *settings, "--json", str(file))
    return {each["code"] for each in json.loads(file.read_text())["findings"]}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_faulty_file_is_found_from_the_command_line(command, settings, tree, tmp_path, kind):
    WRITERS[kind](tree / "benign" / "p00-0.png")

    assert codes(command, settings, tmp_path) == {FAULTS[kind]}


def test_every_fault_is_found_at_once_and_named(command, settings, tree, tmp_path):
    for number, kind in enumerate(FAULTS):
        WRITERS[kind](tree / "benign" / f"p{2 * number:02}-0.png")
    (tree / "benign" / "p20-9.png").write_bytes((tree / "benign" / "p20-0.png").read_bytes())
    (tree / "malignant" / "p21-9.png").write_bytes((tree / "benign" / "p22-0.png").read_bytes())

    found = codes(command, settings, tmp_path)

    assert {*FAULTS.values(), "AB103", "AB104"} <= found


def test_files_that_are_no_images_are_listed(command, settings, tree, tmp_path):
    (tree / "benign" / "notes.pdf").write_bytes(b"%PDF")

    ended = command("data", "check", "image_folder", *settings)

    assert "notes.pdf" in ended.out
