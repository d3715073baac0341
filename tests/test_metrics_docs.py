"""docs/metrics.md names every metric and every function of statistics."""

from pathlib import Path

import pytest

from arogya_bench import statistics
from arogya_bench.metrics import classification, detection, segmentation

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")
# precision, recall and f1 of boxes are described in a sentence
METRICS = sorted(
    {
        *classification.METRICS,
        *classification.TWO_CLASS_METRICS,
        *segmentation.METRICS,
        *(name for name in detection.METRICS if name.startswith("mAP")),
    }
)
FUNCTIONS = sorted(name for name in statistics.__all__ if name[0].islower())


@pytest.mark.parametrize("name", [*METRICS, *FUNCTIONS])
def test_the_page_of_formulas_names_it(name):
    stem = name.removesuffix("_from_replicates")

    assert f"`{stem}" in TEXT


def test_no_place_is_left_to_fill():
    assert "@" not in TEXT
