"""What a comparison may conclude from groups that do not tell two models apart."""

import numpy as np
import pytest
from planted_studies import build_study, predict, row

from arogya_bench.analysis.pair_bounds import unseen_difference
from arogya_bench.analysis.pair_table import pair_rows
from arogya_bench.comparison.decision import decide
from arogya_bench.statistics.group_variance import GroupStrata

TARGETS = np.arange(100) % 2


def test_no_discordant_patient_of_50_leaves_a_loss_of_7_points_possible():
    """By hand: 1 - .025^(1/50) = .0711; both find all positives, and differ in the negatives only."""
    rows = [row("a", predict(TARGETS, TARGETS, classes=2)), row("b", predict(TARGETS, TARGETS * 0 + 1, classes=2))]

    study = build_study(rows, metric="sensitivity", margin=0.02)

    (pair,) = pair_rows(study)
    assert (pair["difference"], pair["p_value"]) == (0, 1)
    assert pair["worst_loss"] == pair["difference.ci_high"] == pytest.approx(0.0711, abs=1e-4)
    assert (pair["non_inferior"], pair["equivalent"]) == ("not shown", "not shown")
    assert decide(study.judgement, {}, margin=0.02, limited=False).recommended is None
    (wide,) = pair_rows(build_study(rows, metric="sensitivity", margin=0.08))
    assert (wide["non_inferior"], wide["equivalent"]) == ("shown", "shown")


def test_a_copy_of_a_model_is_equivalent_to_it_at_any_margin():
    answers = np.where(np.arange(100) % 5 == 0, 1 - TARGETS, TARGETS)

    (pair,) = pair_rows(build_study([row(name, predict(TARGETS, answers, classes=2)) for name in "ab"], margin=0.001))

    assert (pair["worst_loss"], pair["equivalent"], pair["difference.ci_high"]) == (0, "shown", 0)


def test_a_rare_class_leaves_more_open_in_an_average_over_classes():
    strata = GroupStrata(stratum_of=np.repeat([0, 1], [95, 5]), class_mix_varies=False)

    assert unseen_difference(strata, 0.05) == pytest.approx(((1 - 0.025 ** (1 / 95)) + (1 - 0.025**0.2)) / 2)


def test_no_difference_exceeds_the_range_of_its_metric():
    right = predict(TARGETS, TARGETS, classes=2)
    study = build_study([row("a", right), row("b", predict(TARGETS, 1 - TARGETS, classes=2))], metric="auroc")

    (pair,) = pair_rows(study)

    assert (pair["difference.ci_high"], pair["difference.simultaneous_high"], pair["worst_loss"]) == (1, 1, 1)
