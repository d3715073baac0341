"""A window says which stored values become black and white; nothing else decides it."""

import numpy as np
import pytest

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.windowing import apply_window, parse_window, to_rgb, window_to_rgb


def test_the_window_spans_black_to_white_and_clips():
    values = np.array([[-5, 0, 51, 255, 510, 900]])

    assert apply_window(values, (0, 510)).tolist() == [[0, 0, 26, 128, 255, 255]]


def test_one_channel_becomes_three_and_three_stay():
    one = np.array([[1, 2]], np.uint8)

    assert to_rgb(one).tolist() == [[[1, 1, 1], [2, 2, 2]]]
    assert to_rgb(to_rgb(one)).shape == (1, 2, 3)


def test_no_window_is_none():
    assert parse_window(None) is None


def test_a_window_is_two_numbers():
    assert parse_window([-100, 240]) == (-100.0, 240.0)


@pytest.mark.parametrize("bounds", [[], [1], [1, 2, 3], [2, 1], [1, 1], [0, float("inf")], [float("nan"), 1]])
def test_another_window_is_refused(bounds):
    with pytest.raises(ConfigError, match=r"dataset\.window=") as refusal:
        parse_window(bounds)

    assert "dataset.window=[0,4095]" in refusal.value.fix


def test_values_without_a_window_are_refused_with_their_range():
    with pytest.raises(DatasetError, match="The image x holds values of type int64 from -3 to 9"):
        window_to_rgb(np.array([[-3, 9]]), None, what="The image x")
