"""Python values as Hydra overrides."""

from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from arogya_bench.configuration.python_values import (
    dataset_overrides,
    to_choices,
    to_options,
    to_override,
    to_overrides,
)
from arogya_bench.errors import ConfigError

PARSER = OverridesParser.create()


@pytest.mark.parametrize(
    "value",
    [
        "prior", "HAM (1)", "Bilder für Köln", "Ann's set", "a,b", "x=y", "set #2", "[v2]", "{a: b}", "it\\'s", "end\\",
        "\\\\server\\share", "true", "null", "007", "1e5", "nan", "", " spaced ", "./data", "~/data", "a:b", '"both"\'',
        "良性", "range(1,3)", None, True, 3, 0.25, -1, [1, "a b", None], {"a": 1, "b": [2]},
    ],
)  # fmt: skip
def test_a_value_is_read_back_by_hydra_as_it_was(value):
    (override,) = PARSER.parse_overrides([to_override("dataset.path", value)])

    assert override.get_key_element() == "dataset.path"
    assert not override.is_sweep_override()
    read = override.value()
    assert read == value
    assert type(read) is type(value)


def test_numbers_of_numpy_and_paths_are_values():
    assert to_override("seed", np.int64(3)) == "seed=3"
    assert to_override("split.test", np.float64(0.2)) == "split.test=0.2"
    assert to_override("dataset.path", Path("my set")) == "dataset.path='my set'"


def test_a_list_of_choices_is_a_sweep():
    assert to_choices("seed", [1, 2]) == ["seed=1,2"]
    assert to_choices("seed", range(3)) == ["seed=0,1,2"]
    assert to_options("model", ("prior", "opencv")) == ["model=prior,opencv"]
    assert to_options("model", None) == []


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: to_options("model", [lambda: 0]), "model is of the type function, which is neither"),
        (lambda: to_options("model", 3), "model is of the type int"),
        (lambda: to_options("model", []), "model is empty"),
        (lambda: to_override("model", Path), "model is the class Path"),
        (lambda: to_override("seed", np.zeros(2)), "seed is of the type ndarray"),
        (lambda: to_overrides("image_size=64"), "is no list of texts"),
        (lambda: to_overrides([64]), "is no list of texts"),
    ],
)
def test_what_is_no_value_is_refused_in_words(build, message):
    with pytest.raises(ConfigError, match=message) as refused:
        build()

    assert " at 0x" not in str(refused.value)


def test_further_overrides_are_texts_or_a_mapping():
    assert to_overrides({"image_size": 64, "dataset.classes": ["a", "b c"]}) == [
        "image_size=64",
        "dataset.classes=[a,'b c']",
    ]
    assert to_overrides(["image_size=64"]) == ["image_size=64"]


def test_a_dataset_is_the_name_of_an_option_or_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("my set", "synthetic"):
        Path(name).mkdir()

    assert dataset_overrides("synthetic") == ["dataset=synthetic"]
    assert dataset_overrides(None) == []
    assert dataset_overrides(["my set", "./synthetic"]) == [
        "dataset=image_folder",
        "dataset.path='my set',./synthetic",
        "dataset.licence='not stated'",
    ]
    assert dataset_overrides(Path("synthetic"), ["dataset.licence=CC0-1.0"]) == [
        "dataset=image_folder",
        "dataset.path=synthetic",
    ]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("synthetc", "neither a folder nor an option of the group dataset. Did you mean 'synthetic'?"),
        ("images/nowhere", "neither a folder nor an option of the group dataset.\n"),
        ("labels.csv", "is a file, and no folder"),
        (["synthetic", "."], "names of options and folders together"),
        ([3], "dataset is of the type int"),
    ],
)
def test_what_is_neither_is_named(tmp_path, monkeypatch, dataset, message):
    monkeypatch.chdir(tmp_path)
    Path("labels.csv").touch()

    with pytest.raises(ConfigError) as refused:
        dataset_overrides(dataset)

    assert message in str(refused.value)
