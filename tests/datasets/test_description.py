"""A description counts what a dataset holds, part by part, and opens no image."""

import json
from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.datasets.description import ClassCount, describe
from arogya_bench.datasets.description_table import render
from arogya_bench.datasets.splits import split
from arogya_bench.types import Box, Case, Dataset


def never(_):
    raise AssertionError


def dataset(cases, *, task="classification", classes=("nevus", "melanoma"), **options):
    facts = {
        "name": "lesions",
        "grouped": True,
        "digest": "0123456789abcdef" * 2,
        "licence": "CC BY 4.0",
        "source": "https://example.org/lesions",
        "version": "3",
        "read": never,
        **options,
    }
    return Dataset(task=task, classes=classes, cases=tuple(cases), **facts)


def case(number, target, group=None, **options):
    return Case(case_id=f"c{number}", group_id=group or f"g{number}", target=target, **options)


def lesions(count=60):
    """Every third is a melanoma; a patient has two images of one class."""
    return [case(n, int(n // 2 % 3 == 0), f"p{n // 2}") for n in range(count)]


def box(label):
    return Box(left=0.0, top=0.0, width=2.0, height=2.0, label=label)


def column(about, name):
    (found,) = (each for each in about.metadata if each.name == name)
    return found


def test_cases_and_groups_are_counted_by_class():
    about = describe(dataset(lesions()))

    assert about.totals == {"all": ClassCount(cases=60, groups=30)}
    assert about.classes["melanoma"] == {"all": ClassCount(cases=20, groups=10)}
    assert about.classes["nevus"] == {"all": ClassCount(cases=40, groups=20)}


def test_the_parts_of_a_split_add_up():
    cases = dataset(lesions())
    division = split(cases)

    about = describe(cases, division)

    assert (about.split, about.split_digest) == (division.name, division.digest)
    assert about.parts == ("all", "train", "validation", "test")
    for counts in (*about.classes.values(), about.totals):
        own = [counts[part] for part in about.parts[1:]]
        assert sum(count.cases for count in own) == counts["all"].cases
        assert sum(count.groups for count in own) == counts["all"].groups


def test_boxes_are_counted_apart_from_images():
    cases = [case(0, None, boxes=(box(0), box(0), box(1))), case(1, None, boxes=(box(0),)), case(2, None, boxes=())]

    about = describe(dataset(cases, task="detection"))

    assert about.totals["all"] == ClassCount(cases=3, groups=3, boxes=4)
    assert about.classes["nevus"]["all"] == ClassCount(cases=2, groups=2, boxes=3)
    assert about.classes["melanoma"]["all"] == ClassCount(cases=1, groups=1, boxes=1)
    assert about.unclassed["all"] == ClassCount(cases=1, groups=1, boxes=0)
    assert "(no box)" in render(about)


def test_a_class_without_cases_counts_zero_boxes_and_not_none():
    cases = [case(0, None, boxes=(box(0),))]

    about = describe(dataset(cases, task="detection"))

    assert about.classes["melanoma"]["all"] == ClassCount(cases=0, groups=0, boxes=0)


def test_classes_in_masks_are_unknown_and_not_zero():
    cases = [case(0, None), case(1, None)]

    about = describe(dataset(cases, task="segmentation", read_mask=never))

    assert about.classes == {"nevus": None, "melanoma": None}
    assert about.unclassed is None
    assert "Classes are not counted" in render(about)


def test_a_column_of_numbers_is_a_range():
    cases = [case(n, 0, metadata={"age": age}) for n, age in enumerate([30.0, 50.0, 85.0])]

    age = column(describe(dataset(cases)), "age")

    assert (age.low, age.middle, age.high) == (30.0, 50.0, 85.0)
    assert (age.missing, age.distinct, age.common) == (0, 3, {})
    assert "30 to 85, median 50" in render(describe(dataset(cases)))


@pytest.mark.parametrize("nothing", ["", " ", float("nan")])
def test_a_missing_number_is_no_number(nothing):
    cases = [case(n, 0, metadata={"age": age}) for n, age in enumerate([30.0, nothing, 50.0])]

    age = column(describe(dataset(cases)), "age")

    assert (age.missing, age.distinct, age.low, age.high) == (1, 2, 30.0, 50.0)


def test_a_column_without_any_value_says_so():
    cases = [case(n, 0, metadata={"site": ""}) for n in range(3)]

    site = column(describe(dataset(cases)), "site")

    assert (site.missing, site.distinct, site.low, site.common) == (3, 0, None, {})
    assert "site" in render(describe(dataset(cases)))


def test_a_column_of_texts_counts_the_most_frequent_first():
    values = ["b"] * 2 + ["a"] * 2 + ["c"] * 5
    cases = [case(n, 0, metadata={"site": value}) for n, value in enumerate(values)]

    site = column(describe(dataset(cases)), "site")

    assert list(site.common.items()) == [("c", 5), ("a", 2), ("b", 2)]


def test_a_long_tail_of_values_is_counted_and_not_listed():
    values = ["left"] * 20 + [f"place-{n}" for n in range(30)]
    cases = [case(n, 0, metadata={"site": value}) for n, value in enumerate(values)]

    about = describe(dataset(cases))

    assert column(about, "site").distinct == 31
    assert len(column(about, "site").common) == 12
    assert "and 19 more" in " ".join(render(about).split())


def test_a_column_of_names_shows_a_few_of_them():
    cases = [case(n, 0, metadata={"patient": f"patient-{n:03}"}) for n in range(40)]

    text = render(describe(dataset(cases)))

    assert "such as patient-000, patient-001, patient-002" in text
    assert "patient-003" not in text


def test_the_card_says_everything_that_is_known():
    cases = dataset(
        lesions(),
        citation="Somebody et al., 2018.",
        ordinal=True,
        overlaps=("isic2019",),
        notes=("Two boxes were left out.",),
    )

    text = render(describe(cases))

    for part in (
        "60 of 30 groups",
        "2, grades in ascending order",
        "CC BY 4.0",
        "https://example.org/lesions",
        "Somebody et al., 2018.",
        "0123456789abcdef",
        "none",
        "Shares images with: isic2019.",
        "Two boxes were left out.",
    ):
        assert part in text
    assert "names no patients" not in text


def test_what_is_missing_is_said_too():
    stray = [*lesions(), case(90, None), case(91, None)]
    cases = dataset(stray, grouped=False, stray_labels={"c90": "unk", "c91": "unk"})

    about = describe(cases)

    assert about.stray_labels == {"unk": 2}
    assert about.unclassed["all"].cases == 2
    text = " ".join(render(about).split())
    assert "(label outside the classes) │ 2 │ 3.2 %" in text
    assert "Labels outside the classes, excluded from every evaluation: 'unk' 2." in text
    assert "The source names no patients" in text
    assert "cite not stated" in text


def test_square_brackets_in_names_are_text():
    cases = dataset(lesions(), classes=("[bold]nevus", "melanoma [/]"), notes=("[red]note",))

    text = render(describe(cases))

    assert "[bold]nevus" in text
    assert "melanoma [/]" in text
    assert "[red]note" in text


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_text_keeps_to_its_width(width):
    cases = dataset(lesions(), classes=("nevus " * 20, "m" * 90), notes=("word " * 60,))

    lines = render(describe(cases, split(cases)), width).splitlines()

    assert max(map(len, lines)) <= width


def test_json_holds_the_same_numbers():
    cases = dataset(lesions(), notes=("a", "b"))

    content = json.loads(describe(cases, split(cases)).to_json())

    assert content["classes"]["melanoma"]["all"] == {"cases": 20, "groups": 10, "boxes": None}
    assert content["notes"][:2] == ["a", "b"]
    assert "The positive class is 'melanoma'" in content["notes"][2]
    assert content["task"] == "classification"


def test_json_holds_no_number_that_is_none():
    """Not-a-number is no JSON."""
    cases = [case(n, 0, metadata={"age": age}) for n, age in enumerate([np.inf, np.nan, 4.0])]

    text = describe(dataset(cases)).to_json()

    assert "NaN" not in text
    assert "Infinity" not in text


def test_an_empty_dataset_has_no_shares():
    about = describe(replace(dataset(lesions()), cases=()))

    assert about.totals["all"] == ClassCount(cases=0, groups=0)
    assert "%" not in render(about)


def test_in_a_notebook_the_text_is_returned_and_not_displayed(monkeypatch):
    import rich.console

    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)

    assert "melanoma" in render(describe(dataset(lesions())))
