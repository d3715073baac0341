"""Margins where no case tells two rows apart."""

import numpy as np
import pytest
from planted_studies import build_study, predict, row

from arogya_bench.analysis.pair_table import pair_rows

TARGETS = np.arange(100) % 2


def only_pair(study):
    (pair,) = pair_rows(study)
    return pair


@pytest.mark.parametrize(("margin", "conclusion"), [(0.02, "not shown"), (0.05, "shown")])
def test_no_discordant_case_still_allows_a_small_difference(margin, conclusion):
    """0 of 100 cases may be up to 3.6 % of all, at 97.5 %."""
    rows = [
        row("a", predict(TARGETS, TARGETS, classes=2)),
        row("b", predict(TARGETS, TARGETS, classes=2, confidence=0.7)),
    ]

    found = only_pair(build_study(rows, margin=margin))

    assert found["worst_loss"] == pytest.approx(1 - 0.025**0.01)
    assert (found["non_inferior"], found["equivalent"]) == (conclusion, conclusion)


def test_equal_outputs_lose_nothing():
    rows = [row(name, predict(TARGETS, TARGETS, classes=2)) for name in "ab"]

    found = only_pair(build_study(rows, margin=0.02))

    assert (found["worst_loss"], found["equivalent"]) == (0.0, "shown")
