import numpy as np
import pytest
from quality_studies import predict, scored, study_of

from arogya_bench.analysis.calibration import CALIBRATION_COLUMNS, TOP_LABEL, calibration_rows, reliability_rows
from arogya_bench.statistics import wilson

TARGETS = np.arange(2_000) % 2


def row_of(*seeds, **options):
    (row,) = calibration_rows(study_of({"a": list(seeds)}, **options))
    return row


def test_a_calibrated_model_is_shown_as_one():
    row = row_of(predict(TARGETS, scored(0, TARGETS)))

    assert tuple(row) == CALIBRATION_COLUMNS
    assert row["outcome"] == "malignant"
    assert row["slope.ci_low"] < 1 < row["slope.ci_high"]
    assert row["intercept.ci_low"] < 0 < row["intercept.ci_high"]
    assert row["in_the_large.ci_low"] < 0 < row["in_the_large.ci_high"]
    assert row["ece"] < 2 * row["ece_by_chance"]


def test_overconfidence_and_bias_are_told_apart():
    extreme = row_of(predict(TARGETS, scored(0, TARGETS, spread=2)))
    biased = row_of(predict(TARGETS, 0.2 + 0.8 * scored(0, TARGETS)))

    assert extreme["slope.ci_high"] < 0.7
    assert extreme["in_the_large.ci_low"] < 0 < extreme["in_the_large.ci_high"]
    assert biased["in_the_large"] == pytest.approx(0.1, abs=0.02)
    assert biased["in_the_large.ci_low"] > 0.05


def test_the_bias_has_the_interval_of_a_mean():
    score = scored(1, TARGETS)

    row = row_of(predict(TARGETS, score))

    gap = score - TARGETS
    margin = 1.96 * gap.std(ddof=1) / np.sqrt(gap.size)
    assert row["in_the_large"] == pytest.approx(gap.mean())
    assert row["in_the_large.ci_high"] - row["in_the_large"] == pytest.approx(margin, rel=0.01)


def test_separated_outcomes_have_no_slope_and_say_why():
    row = row_of(predict(TARGETS, np.where(TARGETS, 0.8, 0.3)))

    assert (row["slope"], row["intercept"]) == (None, None)
    assert row["in_the_large"] == pytest.approx(0.05)
    assert "no slope: the probabilities separate" in row["note"]


def test_missing_answers_leave_calibration_undefined():
    score = scored(2, TARGETS)
    score[:7] = np.nan

    row = row_of(predict(TARGETS, score))

    assert (row["ece"], row["slope"], row["in_the_large"], row["ece_by_chance"]) == (None, None, None, None)
    assert "7 of 2000 cases have no probabilities" in row["note"]
    assert reliability_rows(study_of({"a": [predict(TARGETS, score)]})) == []


def test_more_classes_are_judged_by_their_top_label_unless_one_is_named():
    rng = np.random.default_rng(0)
    targets = np.arange(300) % 3
    table = rng.dirichlet([1, 1, 1], 300)

    whole, one = row_of(predict(targets, table)), row_of(predict(targets, table), positive_class="other")

    assert (whole["outcome"], one["outcome"]) == (TOP_LABEL, "other")
    assert one["mean_probability"] == pytest.approx(table[:, 2].mean())


def test_other_rows_change_nothing():
    alone = row_of(predict(TARGETS, scored(0, TARGETS)))
    other = [predict(TARGETS, scored(1, TARGETS, 3))]

    rows = calibration_rows(study_of({"a": [predict(TARGETS, scored(0, TARGETS))], "b": other}))

    assert next(row for row in rows if row["model"] == "a") == alone


def test_seeds_are_averaged():
    seeds = [scored(seed, TARGETS, spread=spread) for seed, spread in ((0, 0.8), (1, 1.0), (2, 1.6))]

    row = row_of(*(predict(TARGETS, seed) for seed in seeds))

    each = [row_of(predict(TARGETS, seed)) for seed in seeds]
    assert row["slope"] == pytest.approx(np.mean([one["slope"] for one in each]))
    assert row["slope.ci_low"] < min(one["slope"] for one in each)


def test_a_reliability_bin_has_its_wilson_band():
    score = np.repeat([0.15, 0.95], [40, 60])
    targets = np.concatenate([np.arange(40) < 10, np.arange(60) < 57]).astype(int)

    low, high = reliability_rows(study_of({"a": [predict(targets, score)]}))

    assert (low["cases"], low["probability"], low["observed"]) == (40, pytest.approx(0.15), 0.25)
    assert (low["observed.ci_low"], low["observed.ci_high"]) == wilson(10, 40).ci
    assert (high["observed.ci_low"], high["observed.ci_high"]) == wilson(57, 60).ci


def test_the_same_cases_under_several_seeds_are_no_more_independent_cases():
    score = scored(3, TARGETS[:400])
    one = reliability_rows(study_of({"a": [predict(TARGETS[:400], score)]}))
    nudged = [predict(TARGETS[:400], np.clip(score + shift, 0, 1)) for shift in (0, 1e-9, 2e-9)]

    three = reliability_rows(study_of({"a": nudged}))

    for first, pooled in zip(one[1:-1], three[1:-1], strict=True):
        assert pooled["observed"] == pytest.approx(first["observed"])
        width = first["observed.ci_high"] - first["observed.ci_low"]
        assert pooled["observed.ci_high"] - pooled["observed.ci_low"] > 0.7 * width
