"""Predictors made of steps: chunks, groups of one size, and what a call gives."""

import re
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.frameworks.prediction_steps import PredictionSteps, with_postprocess
from arogya_bench.types import Detections, SteppedPredictor


def image(size, grey):
    return np.full((size, size, 3), grey, np.uint8)


@pytest.fixture
def seen():
    """The sizes of the batches that reached ``forward``."""
    return []


@pytest.fixture
def build(seen):
    """Build a predictor of the mean grey level."""

    def forward(stack):
        seen.append(len(stack))
        return [each.mean() / 255 for each in stack]

    def build(**fields):
        defaults = {
            "preprocess": list,
            "forward": forward,
            "postprocess": lambda shares, _: np.array([[1 - share, share] for share in shares]),
            "class_count": 2,
        }
        return PredictionSteps(**defaults | fields)

    return build


def test_a_call_cuts_its_images_into_chunks(build, seen):
    rows = build(chunk_size=2)([image(4, 51 * level) for level in range(5)])

    np.testing.assert_allclose(rows[:, 1], [0, 0.2, 0.4, 0.6, 0.8])
    assert seen == [2, 2, 1]


def test_without_a_chunk_size_all_images_are_one_batch(build, seen):
    build()([image(4, 0)] * 300)

    assert seen == [300]


def test_images_of_one_size_share_a_batch_and_keep_their_rows(build, seen):
    images = [image(size, 51 * level) for level, size in enumerate((4, 8, 4, 8, 4))]

    rows = build(chunk_size=2, equal_sizes=True)(images)

    np.testing.assert_allclose(rows[:, 1], [0, 0.2, 0.4, 0.6, 0.8])
    assert seen == [2, 1, 2]


def test_no_images_give_no_rows_and_no_call(build, seen):
    rows = build(chunk_size=2)([])

    assert rows.shape == (0, 2)
    assert rows.dtype == np.float64
    assert seen == []


def test_a_detector_gives_a_list(build):
    found = Detections(boxes=np.zeros((0, 4)), scores=np.zeros(0), labels=np.zeros(0, np.int64))
    detector = build(postprocess=lambda shares, _: [found for _ in shares], class_count=None, chunk_size=2)

    assert detector([image(4, 0)] * 3) == [found] * 3
    assert detector([]) == []


def test_a_plain_function_has_no_steps(build):
    assert isinstance(build(), SteppedPredictor)
    assert not isinstance(lambda images: images, SteppedPredictor)


def test_an_added_step_gets_what_the_predictor_returns(build):
    steps = with_postprocess(build(max_batch_size=3, device="cuda:0", network="net"), lambda rows: rows * 0 + 0.5)
    batch = [image(4, 0), image(4, 255)]

    assert steps(batch).tolist() == [[0.5, 0.5]] * 2
    assert steps.postprocess(steps.forward(steps.preprocess(batch)), batch).tolist() == [[0.5, 0.5]] * 2
    assert (steps.max_batch_size, steps.device, steps.network) == (3, "cuda:0", "net")


def test_the_example_of_the_developer_guide_runs():
    text = (Path(__file__).parents[2] / "docs" / "developer-guide.md").read_text(encoding="utf-8")
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "PredictionSteps" in code]

    exec(example, {})
