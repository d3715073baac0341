"""The floor of every leaderboard."""

import json

import numpy as np
import pytest

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.models.prior import Prior
from arogya_bench.types import Training

GREY = np.full((8, 8, 3), 128, np.uint8)


def fit(train, validation, out):
    return Prior().fit(train, validation, training=Training(), seed=0, device="cpu", out=out)


def test_every_image_gets_the_frequencies_of_the_train_split(subset_of, tmp_path):
    train = subset_of([GREY] * 4, [0, 1, 1, 1], ("benign", "malignant"))
    validation = subset_of([GREY] * 2, [0, 0], ("benign", "malignant"))
    fit(train, validation, tmp_path)

    rows = Prior().load(tmp_path, classes=("benign", "malignant"), device="cpu")([GREY, GREY * 0])

    assert rows.tolist() == [[0.25, 0.75], [0.25, 0.75]]


def test_class_that_never_occurs_gets_zero(subset_of, tmp_path):
    train = subset_of([GREY] * 2, [0, 1], ("a", "b", "c"))
    fit(train, train, tmp_path)

    rows = Prior().load(tmp_path, classes=("a", "b", "c"), device="cpu")([GREY])

    assert rows.tolist() == [[0.5, 0.5, 0.0]]


def test_empty_train_split_is_refused(subset_of, tmp_path):
    with pytest.raises(ModelError, match="empty"):
        fit(subset_of([], [], ("a", "b")), subset_of([], [], ("a", "b")), tmp_path)


def test_frequencies_of_another_length_are_refused(subset_of, tmp_path):
    fit(subset_of([GREY], [0], ("a", "b")), subset_of([], [], ("a", "b")), tmp_path)
    (tmp_path / "frequencies.json").write_text(json.dumps({"frequencies": [1.0]}))

    with pytest.raises(ModelError, match="damaged"):
        Prior().load(tmp_path, classes=("a", "b"), device="cpu")


def test_mistyped_device_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'cuda'"):
        Prior().check(device="cudda")
