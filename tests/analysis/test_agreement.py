"""Agreement of models whose errors were planted."""

import numpy as np
import pytest
from planted_studies import build_study, predict, row

from arogya_bench.analysis.agreement import AGREEMENT_COLUMNS, ALL, agreement_rows

TARGETS = np.arange(100) % 2


def wrong_on(name, *places):
    said = [np.where(np.isin(np.arange(100), cases), 1 - TARGETS, TARGETS) for cases in places]
    return row(name, *(predict(TARGETS, seed, classes=2) for seed in said))


def test_the_shares_of_a_pair_by_hand():
    found, overall = agreement_rows(build_study([wrong_on("a", range(10)), wrong_on("b", range(5, 30))]))

    assert tuple(found) == AGREEMENT_COLUMNS
    shares = [found[key] for key in ("both_correct", "both_wrong", "only_a_correct", "only_b_correct")]
    assert shares == pytest.approx([0.70, 0.05, 0.20, 0.05])
    by_chance = 0.9 * 0.75 + 0.1 * 0.25
    assert found["error_kappa"] == pytest.approx((0.75 - by_chance) / (1 - by_chance))
    assert (overall["a"], overall["both_correct"], overall["both_wrong"]) == (
        ALL,
        pytest.approx(0.70),
        pytest.approx(0.05),
    )


def test_copies_err_on_the_same_cases():
    found, overall = agreement_rows(build_study([wrong_on("a", range(10)), wrong_on("b", range(10))]))

    assert found["error_kappa"] == pytest.approx(1)
    assert (overall["both_correct"], overall["error_kappa"]) == (pytest.approx(0.9), None)


def test_the_last_row_is_of_all_models():
    wrong = [range(10), range(5, 30), range(20, 60)]

    rows = agreement_rows(build_study([wrong_on(name, cases) for name, cases in zip("abc", wrong, strict=True)]))

    assert len(rows) == 4
    assert (rows[-1]["both_correct"], rows[-1]["both_wrong"]) == (pytest.approx(0.4), 0)


def test_several_seeds_are_averaged_each_with_each():
    found, _ = agreement_rows(build_study([wrong_on("a", range(10), range(10, 20)), wrong_on("b", range(30))]))

    assert found["both_wrong"] == pytest.approx(0.10)
