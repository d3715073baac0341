"""A curated folder names nobody, is the same after every run, and survives a kill."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from arogya_bench.curation.curate import CurationOptions, curate
from arogya_bench.datasets.coco import COCO
from arogya_bench.datasets.image_folder import ImageFolder
from arogya_bench.datasets.splits import SplitPolicy, split
from arogya_bench.errors import ConfigError, DatasetError

SPLIT = SplitPolicy(train=0.5, validation=0.25, test=0.25)


def run(source, out, **options):
    return curate(source, out, options=CurationOptions(**{"licence": "CC0-1.0", "split": SPLIT, **options}))


def state(folder):
    """Every file with its content and the time of its last change."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(f.relative_to(folder)): (f.read_bytes(), f.stat().st_mtime_ns) for f in files}


def contents(folder):
    return {name: content for name, (content, _) in state(folder).items()}


def rows(file):
    with file.open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def card(out):
    return json.loads((out / "card.json").read_text(encoding="utf-8"))


def table(folder, lines, header="path,label,group,split,age,notes"):
    (folder / "manifest.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


@pytest.fixture
def listed(tmp_path, made, name):
    """Images of eight patients in a table with columns that identify them."""
    folder = tmp_path / "listed"
    folder.mkdir()
    lines = []
    for number in range(16):
        (folder / f"{name}-{number}.jpg").write_bytes(made.jpeg(made.smooth(seed=number)))
        label = ("benign", "malignant")[number // 2 % 2]
        lines.append(f"{name}-{number}.jpg,{label},{name}-{number // 2},,{40 + number},{name} ill")
    table(folder, lines)
    return folder


def test_no_name_is_left_anywhere_in_the_result(classes_of_jpegs, tmp_path, name, secret):
    outcome = run(classes_of_jpegs(), tmp_path / "out")

    assert (outcome.cases, outcome.quarantined, outcome.written) == (12, 0, 12)
    for file, content in contents(tmp_path / "out").items():
        assert name.encode() not in file.encode() + content
        assert secret.encode() not in content


def test_the_result_is_a_dataset_with_its_split(listed, tmp_path):
    outcome = run(listed, tmp_path / "out", keep=["age"])

    dataset = ImageFolder(path=str(tmp_path / "out"), licence="CC0-1.0", manifest="manifest.csv").load()
    again = split(dataset, SplitPolicy(method="official"))
    assert (len(dataset.cases), dataset.grouped, dataset.classes) == (16, True, ("benign", "malignant"))
    assert {type(case.metadata["age"]) for case in dataset.cases} == {float}
    assert dataset.read(dataset.cases[0]).shape == (40, 60, 3)
    assert outcome.split.startswith("group-50-25-25")
    homes = {case.case_id.removeprefix("images/"): part for part, own in again.parts.items() for case in own.cases}
    assert homes == {row["path"][7:-4]: row["split"] for row in rows(tmp_path / "out" / "manifest.csv")}


def test_patients_keep_together_under_new_names(listed, tmp_path, name):
    run(listed, tmp_path / "out")

    groups = {}
    for row in rows(tmp_path / "out" / "manifest.csv"):
        groups.setdefault(row["group"], set()).add(row["split"])
    assert len(groups) == 8
    assert all(len(parts) == 1 for parts in groups.values())


def test_columns_are_dropped_unless_named(listed, tmp_path):
    run(listed, tmp_path / "out", keep=["age"])

    header = rows(tmp_path / "out" / "manifest.csv")[0].keys()
    assert list(header) == ["path", "label", "group", "split", "age"]
    assert card(tmp_path / "out")["columns_dropped"] == ["notes"]


def test_a_kept_column_does_not_replace_one_of_the_table(listed, tmp_path, secret):
    text = (listed / "manifest.csv").read_text().replace("path,label,group,split,age", "path,dx,group,split,label", 1)
    (listed / "manifest.csv").write_text(text)

    outcome = run(listed, tmp_path / "out", keep=["label"], dataset={"label_column": "dx"})

    written = rows(tmp_path / "out" / "manifest.csv")
    assert {row["label"] for row in written} == {"benign", "malignant"}
    assert {row["source_label"] for row in written} == {str(float(40 + number)) for number in range(16)}
    assert "label is source_label" in outcome.notes[-1]


def test_a_column_to_keep_must_be_there(listed, tmp_path):
    with pytest.raises(ConfigError, match=r"'agee', which the source does not have.* 'age'"):
        run(listed, tmp_path / "out", keep=["agee"])


def test_the_card_says_what_was_done(listed, tmp_path):
    run(listed, tmp_path / "out", quality=90)

    out, said = tmp_path / "out", card(tmp_path / "out")
    assert said["licence"] == "CC0-1.0"
    assert said["jpeg"] == {"quality": 90, "chroma": "4:4:4"}
    assert said["counts"]["all"] == {"benign": 8, "malignant": 8}
    assert sum(sum(said["counts"][part].values()) for part in ("train", "validation", "test")) == 16
    kinds = ("EXIF", "IPTC", "XMP", "comment", "other segment", "trailing bytes")
    assert said["removed"] == dict.fromkeys(kinds, 16)
    for file, digest in said["files"].items():
        assert hashlib.sha256((out / file).read_bytes()).hexdigest() == digest
    listed_files = {*said["files"], "card.json", "journal.jsonl"}
    assert listed_files == set(contents(out))


def test_running_again_changes_nothing_not_even_a_time(listed, tmp_path):
    run(listed, tmp_path / "out")
    before = state(tmp_path / "out")

    outcome = run(listed, tmp_path / "out", workers=3)

    assert (outcome.written, outcome.removed) == (0, 0)
    assert state(tmp_path / "out") == before


def test_the_number_of_threads_changes_no_byte(listed, tmp_path):
    run(listed, tmp_path / "one", workers=1)
    run(listed, tmp_path / "four", workers=4)

    assert contents(tmp_path / "one") == contents(tmp_path / "four")


def test_another_secret_in_the_same_folder_is_refused(listed, tmp_path, monkeypatch):
    run(listed, tmp_path / "out")
    monkeypatch.setenv("AROGYA_SECRET", "another secret of enough bytes")

    with pytest.raises(DatasetError, match="curated with another secret"):
        run(listed, tmp_path / "out")


def test_a_foreign_folder_is_refused_and_unchanged(listed, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")

    with pytest.raises(DatasetError, match=r"not curated there, such as thesis\.txt"):
        run(listed, tmp_path / "out")

    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_a_changed_file_is_done_again_and_no_other(classes_of_jpegs, made, tmp_path, name):
    source = classes_of_jpegs()
    run(source, tmp_path / "out")
    before = state(tmp_path / "out")
    (source / "benign" / f"{name}-04.jpg").write_bytes(made.jpeg(made.smooth(seed=99)))

    outcome = run(source, tmp_path / "out")

    after = state(tmp_path / "out")
    changed = [f for f in before if f.startswith("images/") and before[f] != after[f]]
    assert (outcome.written, len(changed)) == (1, 1)


def test_a_case_that_is_withdrawn_leaves_the_result(classes_of_jpegs, tmp_path, name):
    source = classes_of_jpegs(16)
    run(source, tmp_path / "out")
    (source / "benign" / f"{name}-04.jpg").unlink()

    outcome = run(source, tmp_path / "out")

    fresh = tmp_path / "fresh"
    run(source, fresh)
    assert (outcome.cases, outcome.removed) == (15, 1)
    assert contents(tmp_path / "out") == contents(fresh)


def test_a_modified_result_is_restored(classes_of_jpegs, tmp_path):
    source = classes_of_jpegs()
    run(source, tmp_path / "out")
    good = contents(tmp_path / "out")
    next((tmp_path / "out" / "images").iterdir()).write_bytes(b"something else")

    outcome = run(source, tmp_path / "out")

    assert (outcome.written, outcome.rewritten) == (0, 1)
    assert contents(tmp_path / "out") == good


@pytest.mark.parametrize("foreign", ["thesis.jpg", ".DS_Store", "0123456789abcdef0123.jpg.bak"])
def test_a_foreign_file_among_the_images_is_named_and_kept(classes_of_jpegs, tmp_path, foreign):
    source, out = classes_of_jpegs(), tmp_path / "out"
    run(source, out)
    (out / "images" / foreign).write_bytes(b"years of work")

    with pytest.raises(DatasetError, match=r"Curation did not write 1 file in .*: ") as caught:
        run(source, out)

    assert foreign in str(caught.value)
    assert (out / "images" / foreign).read_bytes() == b"years of work"


def test_a_file_that_a_killed_run_left_of_a_case_that_is_gone_is_withdrawn(classes_of_jpegs, tmp_path):
    source, out = classes_of_jpegs(), tmp_path / "out"
    run(source, out)
    (out / "images" / "0123456789abcdef0123.jpg").write_bytes(b"of a case that is gone")

    outcome = run(source, out)

    assert outcome.removed == 1
    assert not (out / "images" / "0123456789abcdef0123.jpg").exists()


def test_what_became_no_case_is_counted_and_not_named(classes_of_jpegs, tmp_path, name):
    source = classes_of_jpegs()
    (source / f"{name}.jpg").write_bytes(b"beside the classes")
    (source / "benign" / f"{name} without suffix").write_bytes(b"what is it?")

    outcome = run(source, tmp_path / "out")

    expected = {"images left out": 1, "other files left out": 1, "images without a patient": 0}
    assert outcome.unused == card(tmp_path / "out")["left_out"] == expected
    assert any(name in note for note in outcome.notes)
    assert name not in (tmp_path / "out" / "card.json").read_text()


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_one_damaged_file_ends_nothing(tmp_path, made):
    nibabel, pydicom = pytest.importorskip("nibabel"), pytest.importorskip("pydicom")
    pixels = PIL.Image.fromarray(made.smooth())
    whole = {"jpg": made.jpeg(made.smooth(), orientation=6), "png": made.png(pixels)}
    for kind in ("bmp", "tiff", "webp"):
        buffer = BytesIO()
        pixels.save(buffer, kind.upper(), exif=made.exif(6))
        whole[kind] = buffer.getvalue()
    whole["nii"] = nibabel.Nifti1Image(np.zeros((4, 5, 2), np.float32), np.eye(4)).to_bytes()
    path = pydicom.data.get_testdata_file("MR_small_RLE.dcm", download=False)
    whole["dcm"] = Path(path).read_bytes()
    rng = np.random.default_rng(2)
    (tmp_path / "source").mkdir()
    for number in range(140):
        kind, content = list(whole.items())[number % len(whole)]
        damaged = bytearray(content)
        for place in rng.integers(0, min(700, len(damaged)), 6):
            damaged[place] = rng.integers(256)
        (tmp_path / "source" / f"{number}.{kind}").write_bytes(damaged)

    outcome = run(tmp_path / "source", tmp_path / "out", layout="unlabelled", workers=1)

    assert outcome.quarantined > 20
    assert outcome.cases + outcome.quarantined == 140


def dicom_of(tmp_path, text=""):
    """Twelve radiographs in two classes; the first may show text."""
    pydicom = pytest.importorskip("pydicom")
    from PIL import ImageDraw, ImageFont

    for number in range(12):
        header = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
        canvas = PIL.Image.new("L", (300, 200))
        if number == 0:
            font = ImageFont.load_default(18)
            ImageDraw.Draw(canvas).text((8, 4), text, fill=255, font=font)
        header.Rows, header.Columns = 200, 300
        header.PixelData = (np.asarray(canvas).astype(np.uint16) * 16).tobytes()
        header.PatientID = f"patient {number}"
        file = tmp_path / "source" / "ab"[number % 2] / f"{number}.dcm"
        file.parent.mkdir(parents=True, exist_ok=True)
        header.save_as(file)
    return tmp_path / "source"


@pytest.mark.parametrize(("text", "count"), [("DOE JANE 4711-0815", 1), ("", 0)])
def test_text_in_the_pixels_of_dicom_is_a_warning(tmp_path, text, count):
    outcome = run(dicom_of(tmp_path, text), tmp_path / "out")

    seen = [n.count for n in outcome.warnings if n.problem.startswith("Rows of marks")]
    assert seen == [count] * bool(count)


def test_the_card_says_that_volumes_were_not_searched_for_text(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    (tmp_path / "source").mkdir()
    volume = nibabel.Nifti1Image(np.zeros((4, 5, 2), np.float32), np.eye(4))
    nibabel.save(volume, tmp_path / "source" / "a.nii.gz")

    run(tmp_path / "source", tmp_path / "out", layout="unlabelled")

    (notice,) = (n for n in card(tmp_path / "out")["notices"] if n["code"] == "AB601")
    assert notice["problem"] == "Volumes (NIfTI) were not searched for text or faces"


def test_what_cannot_be_cleaned_is_listed_and_not_copied(classes_of_jpegs, tmp_path, name):
    source = classes_of_jpegs(16)
    broken = source / "benign" / f"{name}-04.jpg"
    broken.write_bytes(broken.read_bytes()[:-300])

    outcome = run(source, tmp_path / "out")

    (row,) = rows(tmp_path / "out" / "quarantine.csv")
    assert (outcome.cases, outcome.quarantined) == (15, 1)
    assert row["reason"] == "it is truncated"
    assert not list((tmp_path / "out" / "images").glob(f"{row['case_id']}*"))
    assert row["case_id"] not in (tmp_path / "out" / "manifest.csv").read_text()
    before = state(tmp_path / "out")
    run(source, tmp_path / "out")
    assert state(tmp_path / "out") == before


def test_a_label_of_no_class_is_quarantined(listed, tmp_path):
    outcome = run(listed, tmp_path / "out", dataset={"classes": ["benign"]}, split=None)

    reasons = {row["reason"] for row in rows(tmp_path / "out" / "quarantine.csv")}
    assert (outcome.cases, reasons) == (8, {"its label is not among the classes"})


def test_the_original_names_go_to_a_private_file_outside(listed, tmp_path, name):
    run(listed, tmp_path / "out", key_file=str(tmp_path / "private" / "names.csv"))

    file = tmp_path / "private" / "names.csv"
    ids = {row["case_id"]: row["original_id"] for row in rows(file)}
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(ids) == 16
    assert all(original.startswith(name) for original in ids.values())


def test_the_original_names_never_lie_among_the_results(listed, tmp_path):
    with pytest.raises(ConfigError, match="key file would be written among the curated files"):
        run(listed, tmp_path / "out", key_file=str(tmp_path / "out" / "names.csv"))


@pytest.mark.parametrize("where", ["", "out", ".."])
def test_source_and_result_lie_apart(listed, where):
    with pytest.raises(ConfigError, match="must not contain one another"):
        run(listed, listed / where)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"quality": 0}, "quality=0 is not a JPEG quality"),
        ({"quality": 101}, "quality=101 is not a JPEG quality"),
        ({"workers": 0}, "workers=0 is too small"),
        ({"boxes_drawn_on": "store"}, "boxes_drawn_on='store' is unknown.* 'stored'"),
        ({"layout": "cocoa"}, "layout='cocoa' is unknown.* 'coco'"),
        ({"dataset": {"grup": "x"}}, "dataset.grup is not an option.* 'group'"),
    ],
)
def test_options_out_of_range_are_refused(listed, tmp_path, options, said):
    with pytest.raises(ConfigError, match=said):
        run(listed, tmp_path / "out", **options)


def test_two_runs_at_once_are_refused(listed, tmp_path):
    from arogya_bench.curation.journal import lock_folder

    with lock_folder(tmp_path / "out"), pytest.raises(DatasetError, match="Another process is writing to"):
        run(listed, tmp_path / "out")


def test_text_in_the_pixels_is_a_warning_that_does_not_quote_it(tmp_path, made):
    from PIL import ImageDraw, ImageFont

    source = tmp_path / "source"
    for number in range(12):
        image = PIL.Image.new("L", (300, 200))
        if number == 3:
            font = ImageFont.load_default(18)
            ImageDraw.Draw(image).text((8, 4), "DOE JANE 4711-0815", fill=255, font=font)
        (source / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        image.save(source / "ab"[number % 2] / f"{number}.png")

    outcome = run(source, tmp_path / "out")

    (notice,) = outcome.warnings
    assert (notice.code, notice.count, len(notice.examples)) == ("AB601", 1, 1)
    assert not any(b"4711" in content for content in contents(tmp_path / "out").values())


def test_removed_metadata_is_a_warning(listed, tmp_path):
    (notice,) = run(listed, tmp_path / "out").warnings

    assert (notice.code, notice.count, len(notice.examples)) == ("AB602", 16, 5)


def test_masks_go_with_their_images(tmp_path, made):
    source = tmp_path / "source"
    for folder in ("images", "masks"):
        (source / folder).mkdir(parents=True)
    for number in range(3):
        mask = (np.arange(2400) % 5).astype(np.uint8).reshape(40, 60)
        content = made.jpeg(made.smooth(seed=number), orientation=(1, 6, 8)[number])
        (source / "images" / f"p{number}.jpg").write_bytes(content)
        PIL.Image.fromarray(mask).save(source / "masks" / f"p{number}.png")

    outcome = run(source, tmp_path / "out")

    out = tmp_path / "out"
    assert outcome.cases == 3
    for row in rows(out / "manifest.csv"):
        with PIL.Image.open(out / row["path"]) as image, PIL.Image.open(out / row["mask"]) as mask:
            assert image.size == mask.size
        assert row["path"][7:-4] == row["mask"][6:-4]


def boxed(folder, made, orientation, box):
    """A set in the format of COCO: twelve images with a white rectangle, turned by EXIF."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(12):
        pixels = np.zeros((40, 60, 3), np.uint8)
        pixels[5:12, 20:50] = 255
        buffer = BytesIO()
        PIL.Image.fromarray(pixels).save(buffer, "PNG", exif=made.exif(orientation))
        (folder / "images" / f"{number}.png").write_bytes(buffer.getvalue())
        size = (60, 40) if box == [20, 5, 30, 7] else (40, 60)
        images.append({"id": number, "file_name": f"{number}.png", "width": size[0], "height": size[1]})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": box})
    listing = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]}
    (folder / "boxes.json").write_text(json.dumps(listing))
    return folder


@pytest.mark.parametrize(("drawn_on", "box"), [("stored", [20, 5, 30, 7]), ("upright", [28, 20, 7, 30])])
def test_boxes_lie_on_their_objects_however_they_were_drawn(tmp_path, made, drawn_on, box):
    source = boxed(tmp_path / "source", made, 6, box)

    run(source, tmp_path / "out", dataset={"annotations": "boxes.json"}, boxes_drawn_on=drawn_on)

    dataset = COCO(path=str(tmp_path / "out"), licence="CC0-1.0", annotations="boxes.json").load()
    assert len(dataset.cases) == 12
    for case in dataset.cases:
        (found,) = case.boxes
        rows_, columns = np.nonzero(dataset.read(case)[..., 0] > 127)
        assert (found.left, found.top) == (columns.min(), rows_.min())
        assert (found.width, found.height) == (np.ptp(columns) + 1, np.ptp(rows_) + 1)


def test_the_parts_of_a_detection_set_have_their_own_lists(tmp_path, made):
    source = boxed(tmp_path / "source", made, 1, [20, 5, 30, 7])

    run(source, tmp_path / "out", dataset={"annotations": "boxes.json"})

    parts = {part: f"boxes-{part}.json" for part in ("train", "validation", "test")}
    dataset = COCO(path=str(tmp_path / "out"), licence="CC0-1.0", **parts).load()
    assert {case.split for case in dataset.cases} == set(parts)


def test_lists_of_a_split_that_is_no_more_are_gone(tmp_path, made):
    source = boxed(tmp_path / "source", made, 1, [20, 5, 30, 7])
    run(source, tmp_path / "out", dataset={"annotations": "boxes.json"})

    run(source, tmp_path / "out", dataset={"annotations": "boxes.json"}, split=None)

    assert [file.name for file in (tmp_path / "out").glob("boxes*")] == ["boxes.json"]


def test_too_few_cases_to_divide_fail_before_the_work(classes_of_jpegs, tmp_path):
    with pytest.raises(DatasetError):
        run(classes_of_jpegs(2), tmp_path / "out")

    assert not list((tmp_path / "out" / "images").iterdir())


def test_rotated_images_with_boxes_need_boxes_drawn_on(tmp_path, made):
    source = boxed(tmp_path / "source", made, 6, [20, 5, 30, 7])

    with pytest.raises(DatasetError, match="EXIF rotates 12 images") as caught:
        run(source, tmp_path / "out", dataset={"annotations": "boxes.json"})

    assert "boxes_drawn_on=stored" in caught.value.fix


def test_a_folder_of_nothing_known_is_refused(tmp_path):
    (tmp_path / "source").mkdir()

    with pytest.raises(DatasetError, match=r"was not recognised: no manifest\.csv"):
        run(tmp_path / "source", tmp_path / "out")


def test_a_missing_mask_is_named(tmp_path, made):
    for folder in ("images", "masks"):
        (tmp_path / "source" / folder).mkdir(parents=True)
    (tmp_path / "source" / "images" / "a.jpg").write_bytes(made.jpeg(made.smooth()))

    with pytest.raises(DatasetError, match=r"no mask in .* for 1 image in"):
        run(tmp_path / "source", tmp_path / "out")


SCRIPT = """
import sys
from pathlib import Path
from arogya_bench.curation.curate import CurationOptions, curate
from arogya_bench.datasets.splits import SplitPolicy
policy = SplitPolicy(train=0.5, validation=0.25, test=0.25)
options = CurationOptions(licence="CC0-1.0", split=policy, workers=2)
curate(Path(sys.argv[1]), Path(sys.argv[2]), options=options)
"""


@pytest.mark.parametrize("finished", [1, 30])
def test_a_kill_in_the_middle_is_finished_by_the_next_run(tmp_path, made, finished):
    source = tmp_path / "source"
    for number in range(64):
        (source / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        content = made.jpeg(made.smooth((700, 500), seed=number))
        (source / "ab"[number % 2] / f"{number}.jpg").write_bytes(content)
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(source), str(out)])
    deadline = time.monotonic() + 60
    while len(list((out / "images").glob("*.jpg"))) < finished and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = len(list((out / "images").glob("*.jpg")))
    (out / "images" / ".partial-0123").write_bytes(b"half an image")

    run(source, out)

    run(source, tmp_path / "whole")
    assert finished <= left < 64
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_a_journal_that_a_kill_cut_off_is_read_as_far_as_it_goes(classes_of_jpegs, tmp_path, cut):
    source, out = classes_of_jpegs(), tmp_path / "out"
    run(source, out)
    good = contents(out)
    (out / "journal.jsonl").write_bytes(good["journal.jsonl"][:-cut])

    run(source, out)

    assert contents(out) == good
