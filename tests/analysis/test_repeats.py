"""Seeds of one repeat of a cross-validation share its splits: repeats are counted, not fits."""

from dataclasses import replace

import numpy as np
import pytest
from planted_studies import answers, build_study, predict, row

from arogya_bench.analysis.tables import ANALYSES

TARGETS = np.arange(240) % 2
SITE = tuple(np.where(np.arange(240) // 2 % 3 == 0, "rural", "city"))


def repeated(name, accuracies, *, copies=1):
    """A row with one repeat for each accuracy, whose seeds all answer alike."""
    repeats = [str(repeat) for _ in range(copies) for repeat in range(len(accuracies))]
    tables = [
        replace(predict(TARGETS, answers(np.random.default_rng(i), TARGETS, accuracy, 2), classes=2),
                metadata={"site": SITE})
        for i, accuracy in enumerate(accuracies)
    ]  # fmt: skip
    return replace(row(name, *(tables * copies)), repeats=tuple(repeats))


def study_of(copies):
    return build_study([
        repeated("a", (0.95, 0.85, 0.80), copies=copies), repeated("b", (0.85, 0.80, 0.60), copies=copies)
    ])  # fmt: skip


def test_more_seeds_in_each_repeat_that_answer_alike_show_no_more():
    one, four = (study_of(copies).judgement.pairs[0].result for copies in (1, 4))

    assert (four.estimate, four.p_value, four.df) == pytest.approx((one.estimate, one.p_value, one.df))


@pytest.mark.parametrize("name", ["per_class", "subgroups", "operating_points", "calibration", "ensembles", "ranks"])
def test_no_table_is_more_certain_for_seeds_that_answer_alike(name):
    one, four = ANALYSES[name].rows(study_of(1)), ANALYSES[name].rows(study_of(4))

    def numbers(rows):
        drawn = "ece_by_chance"  # anew for each seed
        return [{key: value for key, value in row.items() if isinstance(value, float) and key != drawn} for row in rows]

    for before, after in zip(numbers(one), numbers(four), strict=True):
        assert after == pytest.approx(before, rel=1e-6, abs=1e-9)


def test_unequal_repeats_weigh_alike():
    found = build_study([replace(repeated("a", (0.9, 0.6, 0.6)), repeats=("0", "1", "1"))]).rows[0]

    assert found.estimate("accuracy") == pytest.approx(0.75)
    assert found.mean_over_seeds("accuracy").estimate == found.seed_scores("accuracy").mean == pytest.approx(0.75)
