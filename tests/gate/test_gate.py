"""A clean tree passes; each planted fault is found under its own code, and nothing else is."""

import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.medmnist import MedMNIST
from arogya_bench.datasets.splits import SplitPolicy, make_split
from arogya_bench.gate.codes import CODES
from arogya_bench.gate.gate import inspect_dataset
from arogya_bench.types import Box

PNEUMONIA = Path(__file__).parents[3] / "shared/data/pneumoniamnist_derived.npz"
COLOURS = ((250, 20, 20), (20, 250, 20), (20, 20, 250))


def relabel(tree, part, wanted):
    """Give the patients of a part other classes: so many of each."""
    groups = sorted({e.case.group_id for e in tree.entries.values() if e.part == part})
    targets = dict(zip(groups, np.repeat(range(len(wanted)), wanted), strict=True))
    for name, each in list(tree.entries.items()):
        if each.part == part:
            tree.change(name, target=int(targets[each.case.group_id]))


def write(tree, name, picture, **options):
    """Put another image into the place of one of the tree."""
    file = tree.file(name)
    picture.save(file, **options)
    return name


def picture_of(tree, name):
    return PIL.Image.fromarray(tree.pixels(name))


def group_in_two_splits(tree):
    tree.change(tree.pick("train", 0), part="test")


def copy_across(tree):
    name = tree.pick("train", 0, ".jpg")
    tree.add("copy", "stranger", 0, "test", tree.pixels(name))


def copy_under_another_label(tree):
    tree.add("copy", "stranger", 1, "train", tree.pixels(tree.pick("train", 0)))


def copy_within(tree):
    tree.add("copy", "stranger", 0, "train", tree.pixels(tree.pick("train", 0)))


def near_across(tree):
    tree.add("copy", "stranger", 0, "test", tree.recompressed(tree.pick("train", 0)))


def near_under_another_label(tree):
    tree.add("copy", "stranger", 1, "train", tree.recompressed(tree.pick("train", 0)))


def near_within(tree):
    tree.add("copy", "stranger", 0, "train", tree.recompressed(tree.pick("train", 0)))


def by_image(tree):
    tree.split_name = "image_level-40-20-40-s42"


def without_patients(tree):
    tree.options["grouped"] = False


def one_large_patient(tree):
    """Ten patients of one class share a name."""
    groups = sorted({each.case.group_id for each in tree.entries.values() if each.part == "train"})[:10]
    for name, each in list(tree.entries.items()):
        if each.case.group_id in groups:
            tree.change(name, group_id="999")


def unreadable(tree):
    tree.file(tree.pick("train", 0)).write_text("404 not found")


def truncated(tree):
    file = tree.file(tree.pick("test", 1, ".jpg"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(tree):
    tree.file(tree.pick("train", 0)).write_bytes(b"")


def bomb(tree):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    size = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000))
    file = tree.file(tree.pick("train", 0))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))


def large(tree):
    """Above the size of which Pillow warns, below the one that it refuses."""
    bomb(tree)
    file = tree.file(tree.pick("train", 0))
    content = file.read_bytes()
    header = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(header))
    file.write_bytes(content[:12] + header + check + content[33:])


def cmyk(tree):
    name = tree.pick("train", 0, ".jpg")
    write(tree, name, picture_of(tree, name).convert("CMYK"))


def palette(tree):
    name = tree.pick("train", 0)
    write(tree, name, picture_of(tree, name).quantize(32))


def sixteen_bits(tree):
    name = tree.pick("train", 0)
    values = tree.pixels(name)[..., 0].astype(np.uint16) * 16
    write(tree, name, PIL.Image.fromarray(values))


def animated(tree):
    name = tree.pick("train", 0)
    second = picture_of(tree, tree.pick("train", 1))
    write(tree, name, picture_of(tree, name), save_all=True, append_images=[second])


def not_a_number(tree):
    name = tree.pick("train", 0)
    values = tree.pixels(name)[..., 0].astype(np.float32)
    values[3, 4] = np.nan
    tree.move(name, tree.file(name).parent / "float")
    write(tree, name, PIL.Image.fromarray(values), format="TIFF")
    tree.move(name, tree.file(name).parent.parent)


def missing(tree):
    tree.file(tree.pick("train", 0)).unlink()


def flat(tree):
    write(tree, tree.pick("train", 0), PIL.Image.new("RGB", (64, 64), (0, 0, 0)))


def class_missing(tree):
    relabel(tree, "validation", [8, 7, 0])


def tiny_class(tree):
    relabel(tree, "validation", [6, 5, 4])


def shifted(tree):
    relabel(tree, "train", [23, 4, 3])


def few_tested(tree):
    """Leave 27 patients in the test split, 9 of each class."""
    for target in range(3):
        group = tree.entries[tree.pick("test", target)].case.group_id
        for name in [name for name, each in tree.entries.items() if each.case.group_id == group]:
            tree.change(name, part="train")


def none_tested(tree):
    """Leave the test split empty, as a source may."""
    tree.split_name = "official"
    for name in [name for name, each in tree.entries.items() if each.part == "test"]:
        tree.change(name, part="train")


def stray_label(tree):
    name = tree.pick("train", 0)
    tree.change(name, target=None)
    tree.options["stray_labels"] = {name: "unknown"}


def no_label(tree):
    tree.change(tree.pick("train", 0), target=None)


def rename(tree, *classes):
    """Give the classes, and the folders that they come from, other names."""
    tree.options["classes"] = classes
    for name, each in list(tree.entries.items()):
        tree.move(name, tree.root / classes[each.case.target])


def classes_of_two_cases(tree):
    rename(tree, "benign", "doubtful", "Benign")


def classes_of_two_encodings(tree):
    rename(tree, "na\u00efve", "doubtful", "nai\u0308ve")


def file_size(tree):
    for each in tree.entries.values():
        with each.file.open("ab") as file:
            file.write(bytes(20_000 * (1 + each.case.target)))


def image_size(tree):
    for name, each in tree.entries.items():
        side = 60 + 4 * each.case.target
        write(tree, name, picture_of(tree, name).resize((side, side)))
        each.file.write_bytes(each.file.read_bytes().ljust(40_000, b"\0"))


def border_colour(tree):
    for name, each in tree.entries.items():
        pixels = tree.pixels(name)
        framed = np.empty_like(pixels)
        framed[:] = COLOURS[each.case.target]
        framed[3:-3, 3:-3] = pixels[3:-3, 3:-3]
        write(tree, name, PIL.Image.fromarray(framed))


def source_folder(tree):
    for name, each in list(tree.entries.items()):
        site = ("north", "south", "west")[each.case.target]
        tree.move(name, tree.root / site / tree.file(name).parent.name)


def mask_as_case(tree):
    """The second view of a patient is named like a mask of the first."""
    name = tree.pick("train", 0)
    each = tree.entries.pop(name.removesuffix("0") + "1")
    mask = f"{name}_mask"
    tree.entries[mask] = replace(each, case=replace(each.case, case_id=mask))
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[10:30, 20:44] = 255
    write(tree, mask, PIL.Image.fromarray(pixels))


def mask_of_two_colours(tree):
    """A mask under a name that does not say so, blurred by JPEG."""
    name = tree.pick("train", 0, ".jpg")
    mask = np.zeros((64, 64, 3), np.uint8)
    mask[10:30, 20:44] = 255
    write(tree, name, PIL.Image.fromarray(mask), quality=75)


def words_added(tree):
    """Every image of a class has a second one with a word added to its name, and its own patient."""
    for name, each in [item for item in tree.entries.items() if item[1].case.target == 0]:
        tree.change(name, group_id=name)
        if name.endswith("_1"):
            del tree.entries[name]
            renamed = f"{name.removesuffix('1')}0_flipped"
            tree.entries[renamed] = replace(each, case=replace(each.case, case_id=renamed, group_id=renamed))


FAULTS = {
    group_in_two_splits: "AB101",
    copy_across: "AB102",
    copy_under_another_label: "AB103",
    copy_within: "AB104",
    near_across: "AB105",
    near_under_another_label: "AB106",
    near_within: "AB107",
    by_image: "AB108",
    without_patients: "AB109",
    one_large_patient: "AB110",
    unreadable: "AB201",
    truncated: "AB202",
    empty: "AB203",
    bomb: "AB204",
    large: "AB204",
    cmyk: "AB205",
    palette: "AB206",
    sixteen_bits: "AB207",
    animated: "AB208",
    not_a_number: "AB209",
    missing: "AB210",
    flat: "AB211",
    mask_as_case: "AB212",
    mask_of_two_colours: "AB213",
    words_added: "AB214",
    class_missing: "AB301",
    tiny_class: "AB302",
    shifted: "AB306",
    few_tested: "AB308",
    none_tested: "AB309",
    stray_label: "AB305",
    no_label: "AB305",
    classes_of_two_cases: "AB307",
    classes_of_two_encodings: "AB307",
    file_size: "AB401",
    image_size: "AB402",
    border_colour: "AB403",
    source_folder: "AB404",
}


def test_nothing_is_found_in_a_clean_tree(tree):
    report = tree.inspect()

    assert report.findings == ()
    assert report.notes == ()
    assert report.unusable == frozenset()
    assert report.summary() == ("Gate: no error and no warning in 150 cases of skin, split group-40-20-40-s42.")


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_under_its_code_and_nothing_else(tree, plant):
    code = FAULTS[plant]
    plant(tree)

    report = tree.inspect()

    assert [each.code for each in report.findings] == [code]
    assert report.findings[0].severity == CODES[code].severity


def test_uneven_classes_are_found_and_nothing_else(uneven_tree):
    report = uneven_tree.inspect()

    assert [each.code for each in report.findings] == ["AB303"]
    assert report.findings[0].detail == "10.2 to 1 in train"


def test_unrequested_shares_are_found_and_nothing_else(tree):
    report = tree.inspect(fractions=(0.8, 0.1, 0.1))

    assert [each.code for each in report.findings] == ["AB304"]
    assert report.findings[0].examples[0] == "train: 40.0% instead of 80.0%"


def test_weights_that_saw_the_set_are_found_and_nothing_else(tree):
    report = tree.inspect(trained_on={"hub_model": ["Skin"]})

    assert [each.code for each in report.findings] == ["AB501"]


def test_every_code_is_planted_here():
    elsewhere = {"AB303", "AB304", "AB501"}

    assert {*FAULTS.values()} | elsewhere == {*CODES}


@pytest.mark.parametrize(
    "plant",
    [unreadable, truncated, empty, bomb, sixteen_bits, not_a_number, missing, stray_label, no_label],
    ids=lambda plant: plant.__name__,
)
def test_what_cannot_be_used_is_listed(tree, plant):
    plant(tree)

    report = tree.inspect()

    assert len(report.unusable) == 1
    assert report.cases == 150


@pytest.mark.parametrize("plant", [cmyk, palette, flat, copy_within], ids=lambda p: p.__name__)
def test_what_can_be_read_stays_usable(tree, plant):
    plant(tree)

    assert tree.inspect().unusable == frozenset()


def test_faults_do_not_hide_each_other(tree):
    for plant in (group_in_two_splits, copy_within, truncated, cmyk):
        plant(tree)

    report = tree.inspect()

    assert {each.code for each in report.findings} >= {"AB101", "AB104", "AB202", "AB205"}
    assert [each.code for each in report.errors] == ["AB101", "AB202"]


@pytest.mark.parametrize("classes", [("benign", "\uff22enign", "BENIGN"), ("1", "1.0", "1.00")])
def test_class_names_that_differ_in_spelling_share_a_finding(tree, classes):
    tree.options["classes"] = classes

    (finding,) = (each for each in tree.inspect().findings if each.code == "AB307")

    assert finding.examples == (", ".join(map(repr, classes)),)
    assert finding.count == 1


@pytest.mark.parametrize(("grouped", "unit"), [(True, "group"), (False, "case")])
def test_one_group_is_not_called_groups(tree, grouped, unit):
    tree.options["grouped"] = grouped
    own = {e.case.group_id for e in tree.entries.values() if (e.part, e.case.target) == ("test", 0)}
    kept = {tree.pick("test", 0)}
    for name, each in list(tree.entries.items()):
        if each.case.group_id in own and name not in kept:
            del tree.entries[name]

    (finding,) = (each for each in tree.inspect().findings if each.code == "AB302")

    assert finding.examples == (f"benign in test: 1 {unit}",)
    assert finding.detail == f"fewer than 5 {unit}s; in test: benign (1)"


def test_the_same_data_give_the_same_report(tree):
    border_colour(tree)

    assert tree.inspect().to_json() == tree.inspect(workers=1).to_json()


def test_the_report_is_json_and_a_table(tree):
    truncated(tree)
    palette(tree)

    report = tree.inspect()
    stored = json.loads(report.to_json())

    assert [each["code"] for each in stored["findings"]] == ["AB202", "AB206"]
    assert stored["unusable"] == sorted(report.unusable)
    assert list(report.table().columns) == ["code", "severity", "what", "count", "detail", "examples", "fix"]
    assert report.summary() == (
        "Gate: 1 error (AB202) and 1 warning (AB206) in 150 cases of skin, split group-40-20-40-s42."
    )


def test_no_place_of_this_machine_is_in_the_report(tree):
    for plant in (unreadable, truncated, missing, bomb):
        plant(tree)

    assert str(tree.root.parent) not in tree.inspect().to_json()


def test_the_second_look_decodes_nothing(tree):
    dataset = tree.dataset()
    first = inspect_dataset(dataset, tree.split(dataset), fractions=None)

    def refuse(case):
        raise AssertionError(f"{case.case_id} is decoded again")

    refuse.__module__, refuse.__qualname__ = dataset.read.func.__module__, "read_file"
    deaf = replace(dataset, read=type(dataset.read)(refuse, {}))
    second = inspect_dataset(deaf, tree.split(deaf), fractions=None)

    assert second == first


def test_a_fixed_image_is_scanned_again(tree):
    file = tree.file(tree.pick("train", 0))
    whole = file.read_bytes()
    dataset = tree.dataset()
    file.write_bytes(b"")
    before = inspect_dataset(dataset, tree.split(dataset), fractions=None)
    file.write_bytes(whole)

    after = inspect_dataset(dataset, tree.split(dataset), fractions=None)

    assert [each.code for each in before.findings] == ["AB203"]
    assert after.findings == ()


def test_an_image_that_is_lost_since_is_missed(tree):
    dataset = tree.dataset()
    inspect_dataset(dataset, tree.split(dataset), fractions=None)
    tree.file(tree.pick("train", 0)).unlink()

    report = inspect_dataset(dataset, tree.split(dataset), fractions=None)

    assert [each.code for each in report.findings] == ["AB210"]


def test_a_requested_image_level_split_is_a_warning(tree):
    group_in_two_splits(tree)
    by_image(tree)

    (finding,) = tree.inspect().findings

    assert (finding.code, finding.severity) == ("AB108", "warning")
    assert "groups are in several splits" in finding.detail


def test_a_copy_that_is_not_tested_is_a_warning(tree):
    tree.add("copy", "stranger", 0, "validation", tree.pixels(tree.pick("train", 0, ".jpg")))

    (finding,) = tree.inspect().findings

    assert (finding.code, finding.severity) == ("AB102", "warning")


def test_a_class_that_is_not_tested_is_a_warning(tree):
    relabel(tree, "test", [16, 14, 0])

    severities = {each.code: each.severity for each in tree.inspect().findings}

    assert severities["AB301"] == "warning"


@pytest.mark.parametrize("plant", [copy_across, copy_under_another_label, copy_within, near_across, near_within])
def test_every_pair_of_copies_is_listed_with_classes_and_splits(tree, plant):
    plant(tree)

    report = tree.inspect()

    (row,) = report.copies().to_dict("records")
    assert row["code"] == FAULTS[plant]
    assert (row["first_class"] != row["second_class"]) == (plant is copy_under_another_label)
    assert (row["first_split"] != row["second_split"]) == (plant in (copy_across, near_across))
    assert json.loads(report.to_json(with_copies=True))["copies"] == [row]
    assert '"pairs"' not in report.to_json()


def test_too_few_cases_for_the_probes_are_noted(tree):
    shifted(tree)

    (note,) = tree.inspect().notes

    assert "Shortcuts (AB401 to AB404) were not checked" in note
    assert "fewer than two classes have 10 labelled images in train, from 10 groups" in note


def test_a_class_without_any_box_gets_the_line_that_leaves_it_out(tree):
    for name in tree.entries:
        tree.change(name, target=None, boxes=(Box(left=1, top=1, width=5, height=5, label=0),))
    tree.options["task"] = "detection"

    report = tree.inspect()

    (missing,) = [each for each in report.findings if each.code == "AB301"]
    assert missing.detail.endswith("; dataset.classes=[benign] leaves out what has no box")


def test_boxes_need_no_label(tree):
    for name in tree.entries:
        tree.change(name, target=None, boxes=())
    tree.options["task"] = "detection"

    report = tree.inspect()

    assert [each.code for each in report.findings] == ["AB301"]
    assert report.unusable == frozenset()
    assert report.notes == ("Shortcuts (AB401 to AB404) were not checked: images have no single label in detection.",)


def test_a_photograph_that_is_named_like_a_mask_is_a_warning(tree):
    mask_as_case(tree)
    mask = next(name for name in tree.entries if name.endswith("_mask"))
    write(tree, mask, picture_of(tree, tree.pick("train", 0, skip=5)).rotate(90))

    (found,) = tree.inspect().findings

    assert (found.code, found.severity) == ("AB212", "warning")


def test_copies_under_another_label_explain_no_copies_across_splits(tree):
    names = [tree.pick("train", 0, skip=skip) for skip in range(9)]
    for number, name in enumerate(names):
        target, part = (1, "train") if number < 8 else (0, "test")
        tree.add(f"copy{number}", f"stranger{number}", target, part, tree.recompressed(name))

    severities = {each.code: each.severity for each in tree.inspect().findings}

    assert severities["AB106"] == severities["AB105"] == "warning"


@pytest.mark.skipif(not PNEUMONIA.is_file(), reason=f"needs {PNEUMONIA.name}")
def test_chest_x_rays_look_alike_and_the_report_says_so():
    dataset = MedMNIST(path=str(PNEUMONIA)).load()

    report = inspect_dataset(dataset, make_split(dataset, SplitPolicy()), fractions=None)

    codes = [(each.code, each.severity, each.count) for each in report.findings]
    assert codes == [
        ("AB102", "warning", 8),
        ("AB104", "warning", 20),
        ("AB106", "warning", 25),
        ("AB306", "warning", 2),
        ("AB105", "info", 38),
        ("AB107", "info", 63),
        ("AB109", "info", 5030),
    ]
    assert report.findings[0].detail.endswith("8 of 524 in validation, 0 of 624 in test")
    assert "so 23.6 are expected by chance" in report.findings[4].detail
    assert report.copies()["code"].value_counts()[["AB105", "AB106", "AB107"]].tolist() == [38, 25, 63]


def test_of_an_official_split_only_tiny_parts_are_reported(tree):
    """Train, validation and test hold 60, 30 and 3 cases, and nobody asked for shares."""
    tested = [name for name, each in tree.entries.items() if each.part == "test"]
    for name in tested[3:]:
        del tree.entries[name]

    (finding,) = (each for each in tree.inspect(None).findings if each.code == "AB304")

    assert finding.examples == ("test: 3.2% of the cases",)


def test_a_group_in_two_splits_is_named_with_both(tree):
    name = tree.pick("train", 0)
    tree.change(name, part="test")

    (finding,) = tree.inspect().findings

    assert finding.examples == (f"{tree.entries[name].case.group_id} (train, test)",)
    assert finding.detail == "1 of 75 groups are in several splits"
