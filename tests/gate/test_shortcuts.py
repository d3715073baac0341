"""What is looked at: training cases of every class, and folders that no label names."""

import numpy as np
import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.gate.context import GateInput
from arogya_bench.gate.image_facts import ImageFacts, PixelFacts
from arogya_bench.gate.shortcuts import MIN_CASES, choose_cases, encode_folders, shortcuts


def examined_of(tree):
    pixels = PixelFacts(pixel_hash="", perceptual_hash=0, border=(0.0, 0.0, 0.0), flat=False, drawn=False)
    dataset = tree.dataset()
    facts = {
        name: ImageFacts(case_id=name, file_bytes=900, width=64, height=64, pixels=pixels) for name in tree.entries
    }
    return GateInput(dataset=dataset, split=tree.split(dataset), facts=facts, fractions=None)


def test_constants_predict_nothing(tree, rng):
    assert list(shortcuts(examined_of(tree), rng)) == []


@pytest.mark.parametrize(
    ("folder", "known"),
    [
        ("{label}", 1),
        ("{index}", 1),
        ("{upper}/site", 1),
        ("site/{label}", 1),
        ("ward {label}", 3),
        ("{index}/{half}", 2),
    ],
)
def test_a_folder_called_like_its_class_is_taken_out(tree, rng, folder, known):
    for name, each in list(tree.entries.items()):
        label = ("benign", "doubtful", "malignant")[each.case.target]
        half = int(each.case.group_id[-1]) % 2
        made = folder.format(label=label, upper=label.upper() + " ", index=each.case.target, half=f"day {half}")
        tree.move(name, tree.root / "all" / made)
    examined = examined_of(tree)

    codes = encode_folders(choose_cases(examined, rng), examined)

    assert len(np.unique(codes)) == known


def test_arrays_come_from_no_folder(tree, rng):
    tree.options["files"] = {}
    examined = examined_of(tree)

    assert encode_folders(choose_cases(examined, rng), examined) is None


def test_only_training_cases_are_used(tree, rng):
    assert {each.part for each in choose_cases(examined_of(tree), rng)} == {"train"}


def test_a_class_of_few_cases_is_left_out(tree, rng):
    rare = [n for n, e in tree.entries.items() if (e.part, e.case.target) == ("train", 2)]
    for name in rare[MIN_CASES - 1 :]:
        del tree.entries[name]

    assert {each.case.target for each in choose_cases(examined_of(tree), rng)} == {0, 1}


def test_one_class_alone_cannot_be_probed(tree, rng):
    for name in tree.entries:
        tree.change(name, target=0)

    with pytest.raises(UndefinedMetric, match="fewer than two classes have 10 labelled images"):
        choose_cases(examined_of(tree), rng)
