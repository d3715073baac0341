"""Which class is positive is chosen by name, and said."""

from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.datasets.positive_class import positive_class, positive_class_note, with_positive_class
from arogya_bench.errors import ConfigError
from arogya_bench.types import Box, Case, Dataset


def of_classes(*classes, task="classification", **fields):
    return Dataset(
        name="skin",
        task=task,
        classes=classes,
        cases=tuple(Case(case_id=name, group_id=name, target=k) for k, name in enumerate(classes)),
        grouped=False,
        digest="0" * 32,
        licence="none",
        source="a test",
        version="1",
        read=lambda case: np.zeros((4, 4, 3), dtype=np.uint8),
        **fields,
    )


def test_of_two_classes_the_named_one_becomes_the_last_and_no_label_changes():
    before = of_classes("malignant", "benign")
    box = Box(left=0, top=0, width=2, height=2, label=0)
    before = replace(before, cases=(replace(before.cases[0], boxes=(box,)), *before.cases[1:]))

    after = with_positive_class(before, "malignant")

    assert after.classes == ("benign", "malignant")
    assert [after.classes[case.target] for case in after.cases] == ["malignant", "benign"]
    assert after.classes[after.cases[0].boxes[0].label] == "malignant"
    assert after.digest != before.digest


@pytest.mark.parametrize("classes", [("benign", "malignant"), ("benign", "malignant", "other")])
def test_naming_the_class_that_is_positive_anyway_or_one_of_many_changes_no_key(classes):
    before = of_classes(*classes)

    after = with_positive_class(before, "malignant")

    assert replace(after, positive=None) == before
    assert positive_class(after) == "malignant"


@pytest.mark.parametrize(
    ("dataset", "note"),
    [
        (of_classes("benign", "malignant"), "'malignant', the last of two; dataset.positive=benign takes the other."),
        (of_classes("no finding", "x"), "'x', the last of two; 'dataset.positive=\"no finding\"' takes the other."),
        (of_classes("a", "b", positive="b"), "The positive class is 'b', as dataset.positive says."),
        (of_classes("a", "b", "c"), ""),
        (of_classes("a", "b", task="detection"), ""),
    ],
)
def test_the_positive_class_is_said(dataset, note):
    assert positive_class_note(dataset).endswith(note)
    assert bool(positive_class_note(dataset)) == bool(note)


@pytest.mark.parametrize(
    ("classes", "read", "meant"),
    [(("no", "yes"), "True", "yes"), (("yes", "no"), "False", "no"), (("01", "02"), "1", "01"), (("0", "1"), "1", "1")],
)
def test_a_name_that_yaml_reads_as_something_else_is_told_back(classes, read, meant):
    assert with_positive_class(of_classes(*classes), read).classes[-1] == meant


@pytest.mark.parametrize(
    ("dataset", "name", "problem"),
    [
        (of_classes("benign", "malignant"), "Malignant", "no class of skin. Did you mean 'malignant'?"),
        (of_classes("cell", "nucleus", task="detection"), "cell", "it is a dataset for detection"),
    ],
)
def test_a_class_that_is_not_there_is_refused(dataset, name, problem):
    with pytest.raises(ConfigError, match=problem.replace("?", "\\?")):
        with_positive_class(dataset, name)


def test_a_name_that_yaml_reads_as_a_truth_value_is_told_back():
    assert positive_class(with_positive_class(of_classes("no", "yes"), "True")) == "yes"
