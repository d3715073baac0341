import numpy as np
import pytest

from arogya_bench.errors import DatasetError
from arogya_bench.figures.contact_rows import select_rows
from arogya_bench.types import Box, Case, Dataset


def dataset(cases, *, classes=("normal", "ill"), **options):
    facts = {
        "name": "chests",
        "task": "classification",
        "grouped": False,
        "digest": "0" * 32,
        "licence": "CC0",
        "source": "drawn",
        "version": "1",
        "read": None,
        **options,
    }
    return Dataset(classes=classes, cases=cases, **facts)


def labelled(*targets):
    return tuple(Case(case_id=f"c{n}", group_id=f"g{n}", target=target) for n, target in enumerate(targets))


def boxed(*labels_of_each):
    box = {"left": 1.0, "top": 1.0, "width": 2.0, "height": 2.0}
    return tuple(
        Case(case_id=f"c{n}", group_id=f"g{n}", target=None, boxes=tuple(Box(label=label, **box) for label in labels))
        for n, labels in enumerate(labels_of_each)
    )


def select(of, per_class=2, seed=1):
    return select_rows(of, per_class, np.random.default_rng(seed))


def ids(row):
    return {case.case_id for case in row.cases}


def test_every_class_has_a_row_of_its_images():
    normal, ill, neither = select(dataset(labelled(0, 0, 0, 1), classes=("normal", "ill", "neither")), per_class=3)

    assert (normal.name, normal.counts, normal.label) == ("normal", ("3 images",), 0)
    assert (ids(normal), ids(ill), ids(neither)) == ({"c0", "c1", "c2"}, {"c3"}, set())


def test_a_row_has_at_most_so_many_images_but_counts_all():
    row, _ = select(dataset(labelled(*[0] * 20)), per_class=2)

    assert len(row.cases) == 2
    assert row.counts == ("20 images",)


def test_as_many_groups_as_possible_are_shown():
    """One patient has 50 images, and two have one each: all three are shown."""
    many = [Case(case_id=f"a{n}", group_id="a", target=0) for n in range(50)]
    others = [Case(case_id=name, group_id=name, target=0) for name in ("b", "c")]

    row, _ = select(dataset((*many, *others), grouped=True), per_class=3)

    assert {case.group_id for case in row.cases} == {"a", "b", "c"}
    assert row.counts == ("52 images", "3 groups")


def test_the_rng_alone_decides_which_images_are_shown():
    many = dataset(labelled(*[0, 1] * 100))

    assert select(many, seed=1) == select(many, seed=1)
    assert select(many, seed=1) != select(many, seed=2)


def test_images_with_a_label_outside_the_classes_have_a_row():
    *_, last = select(dataset(labelled(0, 1, None), stray_labels={"c2": "unknown"}))

    assert (last.name, ids(last)) == ("(label outside the classes)", {"c2"})


def test_images_without_a_box_have_a_row():
    first, _, last = select(dataset(boxed((0, 0), (1,), ()), task="detection"))

    assert first.counts == ("1 image", "2 boxes")
    assert (last.name, ids(last)) == ("(no box)", {"c2"})


def test_an_image_of_two_classes_is_shown_once_if_there_are_others():
    first, second = select(dataset(boxed(*[(0, 1)] * 4), task="detection"))

    assert ids(first) | ids(second) == {"c0", "c1", "c2", "c3"}


def segmented(read_mask, count):
    classes = ("background", "lesion", "core")
    return dataset(labelled(*[None] * count), classes=classes, task="segmentation", read_mask=read_mask)


def test_masks_decide_the_class_of_an_image_and_unreadable_ones_have_a_row():
    def read_mask(case):
        if case.case_id == "c0":
            raise DatasetError("The mask c0.png is truncated.", fix="download it again")
        return np.full((4, 4), 1 + (case.case_id == "c1"), dtype=np.uint8)

    lesion, core, unreadable = select(segmented(read_mask, count=3))

    assert (ids(lesion), ids(core), ids(unreadable)) == ({"c2"}, {"c1"}, {"c0"})
    assert lesion.counts == ("in 1 of 3 masks",)


def test_of_many_masks_20_per_class_are_opened():
    opened = set()

    def read_mask(case):
        opened.add(case.case_id)
        return np.ones((4, 4), dtype=np.uint8)

    select(segmented(read_mask, count=500))

    assert len(opened) == 60


def test_other_errors_of_a_reader_are_not_swallowed():
    def read_mask(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        select(segmented(read_mask, count=3))
