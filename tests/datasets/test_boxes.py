"""A box of a source fits its image, or it is clipped, left out or refused, and never in silence."""

from math import inf, nan

import pytest

from arogya_bench.datasets.boxes import RawBox, clip_boxes, resolve_classes
from arogya_bench.errors import DatasetError
from arogya_bench.images.files import ImageFileInfo
from arogya_bench.types import Box

FACTS = ImageFileInfo(60, 40, "0" * 64)
CLASSES = ("cell", "clot")


def drawn(left, top, right, bottom, name="cell", **changed):
    return RawBox(name=name, left=left, top=top, right=right, bottom=bottom, **changed)


@pytest.mark.parametrize("word", ["nan", "None", "unknown", "#N/A"])
def test_a_word_for_a_missing_label_is_a_class_only_if_it_is_listed(word):
    with pytest.raises(DatasetError, match=f"Boxes have the class '{word}', a word for a missing label") as error:
        resolve_classes(["a", word], [], {"a", word})

    assert "dataset.classes=[" in error.value.fix
    assert resolve_classes(["a", word], ["a", word], {"a", word}) == ("a", word)


def fit(*boxes):
    return clip_boxes(boxes, FACTS, CLASSES, case="case-7")


def test_a_box_inside_keeps_its_edges_class_and_crowd():
    result = fit(drawn(1.5, 2, 11.5, 5, name="clot", crowd=True))

    expected = Box(left=1.5, top=2.0, width=10.0, height=3.0, label=1, crowd=True)
    assert result.boxes == (expected,)
    assert (result.without_area, result.overhangs, result.duplicates) == ((), (), 0)


def test_a_box_may_fill_its_image():
    (box,) = fit(drawn(0, 0, 60, 40)).boxes

    assert (box.width, box.height) == (60, 40)


@pytest.mark.parametrize("edges", [(5, 5, 5, 9), (5, 5, 9, 5), (5, 5, 5, 5)])
def test_a_box_without_area_is_left_out_and_said(edges):
    result = fit(drawn(1, 1, 3, 3), drawn(*edges))

    assert len(result.boxes) == 1
    assert result.without_area == (drawn(*edges),)


@pytest.mark.parametrize(
    ("edges", "inside", "pixels"),
    [
        ((-3, 5, 10, 9), (0, 5, 10, 4), 3),
        ((50, 35, 61, 42), (50, 35, 10, 5), 2),
        ((-1, -2, 70, 41), (0, 0, 60, 40), 10),
    ],
)
def test_a_box_that_reaches_outside_is_clipped_and_measured(edges, inside, pixels):
    result = fit(drawn(*edges))

    (box,) = result.boxes
    assert (box.left, box.top, box.width, box.height) == inside
    assert result.overhangs == (pixels,)


def test_rounding_is_clipped_without_a_word():
    result = fit(drawn(-0.01, 0, 60.02, 40))

    assert result.boxes[0].width == 60
    assert result.overhangs == ()


@pytest.mark.parametrize("edges", [(-9, 5, -1, 9), (60, 5, 70, 9), (5, -9, 9, 0), (5, 44, 9, 50), (-9, 5, 0, 9)])
def test_a_box_wholly_outside_is_refused(edges):
    with pytest.raises(DatasetError, match=r"case-7 .* outside its image of 60 x 40") as refusal:
        fit(drawn(*edges))

    assert "resized" in refusal.value.fix


@pytest.mark.parametrize("edges", [(9, 5, 5, 9), (5, 9, 9, 5)])
def test_edges_in_the_wrong_order_are_refused(edges):
    with pytest.raises(DatasetError, match=r"case-7 .* ends before it starts"):
        fit(drawn(*edges))


@pytest.mark.parametrize("wrong", [nan, inf, -inf])
def test_an_edge_that_is_no_number_is_refused(wrong):
    with pytest.raises(DatasetError, match="not finite"):
        fit(drawn(1, wrong, 5, 9))


def test_boxes_that_are_there_twice_are_kept_and_counted():
    result = fit(drawn(1, 1, 5, 5), drawn(1, 1, 5, 5), drawn(1, 1, 5, 5, name="clot"))

    assert (len(result.boxes), result.duplicates) == (3, 1)


def test_the_classes_are_those_of_the_source_unless_some_are_chosen():
    assert resolve_classes(["b", "a"], [], {"a"}) == ("b", "a")
    assert resolve_classes(["b", "a"], ["a", "b", "c"], {"a"}) == ("a", "b", "c")


def test_an_unused_class_may_be_left_out():
    assert resolve_classes(["b", "a"], ["a"], {"a"}) == ("a",)


def test_an_unknown_class_is_named_with_the_nearest():
    with pytest.raises(DatasetError, match=r"'Platelet', and the .* mean 'Platelets'") as refusal:
        resolve_classes([], ["RBC", "Platelets"], {"RBC", "Platelet"})

    assert "dataset.classes" in refusal.value.fix


def test_a_repeated_class_name_is_refused():
    with pytest.raises(DatasetError, match="Two classes have the name 'a'"):
        resolve_classes(["a", "a"], [], {"a"})
