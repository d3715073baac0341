from pathlib import Path

import pandas as pd
import pytest

from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.requirements import Limit, Requirements
from arogya_bench.comparison.table_frames import FIRST_TABLES, to_table
from arogya_bench.comparison.tables import compare_block
from arogya_bench.errors import TrackingError
from arogya_bench.metrics.classification import INTERVAL_METRICS, METRICS
from arogya_bench.tracking.runs import search_runs


def models(rows):
    return [row["model"] for row in rows]


def test_a_clear_leader_is_ahead(logged, compare_only):
    logged("strong", skill=4.0)
    logged("weak", skill=0.0, draw=1)

    found = compare_only()

    (verdict,) = found.verdict
    assert (verdict["verdict"], verdict["models"]) == ("ahead", "strong")
    assert verdict["reason"].startswith(
        "strong is better than weak on 36 patients: the difference in f1_macro is shown"
    )
    assert models(found.leaderboard) == ["strong", "weak"]
    assert [row["rank"] for row in found.leaderboard] == [1, 2]


def test_an_exact_copy_is_not_told_from_its_model(logged, compare_only):
    logged("model", skill=1.0)
    logged("copy", skill=1.0)

    found = compare_only()

    (pair,) = found.pairwise
    assert (pair["difference"], pair["p_value"], pair["p_adjusted"]) == (0.0, 1.0, 1.0)
    assert pair["conclusion"] == "no difference shown"
    (verdict,) = found.verdict
    assert (verdict["verdict"], verdict["models"]) == ("undecided", "copy, model")
    assert verdict["reason"].startswith("Take any of copy and model: the difference is shown to be smaller than 0.02")
    assert [row["rank"] for row in found.leaderboard] == [1, 1]


def test_two_models_that_differ_by_chance_are_undecided_with_the_detectable_difference(logged, compare_only):
    logged("a", skill=1.0, draw=0)
    logged("b", skill=1.0, draw=1)

    (verdict,) = compare_only().verdict

    assert verdict["verdict"] == "undecided"
    assert " points of f1_macro would be shown by 80 % of studies like this one." in verdict["reason"]
    assert "Most of the uncertainty comes from the patients; " in verdict["reason"]


def test_one_row_alone_is_compared_with_nothing(logged, compare_only):
    logged("a")

    found = compare_only()

    assert found.pairwise == []
    assert found.verdict[0]["reason"] == "a is the only model; there is nothing to compare."


def test_without_clean_images_nobody_leads(logged, compare_only, noisy):
    logged("a", conditions=noisy(0.1, clean=False))

    found = compare_only()

    assert found.leaderboard == []
    assert found.verdict[0]["reason"] == ("no clean evaluation finished; run augmentation=clean first.")


def test_a_metric_that_is_better_when_low_ranks_upwards(logged, compare_only):
    logged("strong", skill=4.0)
    logged("weak", skill=0.0, draw=1)

    found = compare_only("brier")

    assert models(found.leaderboard) == ["strong", "weak"]
    assert found.leaderboard[0]["brier"] < found.leaderboard[1]["brier"]
    (pair,) = found.pairwise
    assert (pair["a"], pair["conclusion"]) == ("strong", "strong is better")
    assert pair["difference"] < 0


def test_the_family_is_every_pair_of_the_dataset(logged, compare_only):
    for draw, name in enumerate("abc"):
        logged(name, skill=1.0, draw=draw)

    pairs = compare_only().pairwise

    assert [pair["family"] for pair in pairs] == [3, 3, 3]
    assert all(pair["p_value"] <= pair["p_adjusted"] <= min(1, 3 * pair["p_value"]) for pair in pairs)


def test_the_leaderboard_has_the_metrics_of_the_task_with_intervals(logged, compare_only):
    logged("a")

    (row,) = compare_only().leaderboard

    for name in set(INTERVAL_METRICS) & set(METRICS):
        assert row[f"{name}.ci_low"] <= row[f"{name}.ci_high"]
    assert (row["cases"], row["groups"], row["seeded"]) == (72, 36, False)  # no seed changes the SVM


def test_two_seeds_make_no_more_patients(logged, compare_only):
    logged("a", seed=1, draw=1)
    logged("a", seed=2, draw=2)

    (row,) = compare_only().leaderboard

    assert (row["cases"], row["groups"], row["seeds"]) == (72, 36, [1, 2])
    assert len(set(row["run_ids"])) == 2


def test_mcnemar_is_computed_where_each_patient_has_one_image(logged, compare_only, roster):
    source = roster(patients=120, visits=1)
    logged("a", skill=2.0, source=source)
    logged("b", skill=1.0, draw=1, source=source)

    (pair,) = compare_only().pairwise

    assert 0 < pair["mcnemar_p"] <= 1
    assert pair["only_a_correct"] > pair["only_b_correct"]


@pytest.mark.parametrize("seeds", [(1,), (1, 2)])
def test_mcnemar_is_not_computed_where_its_assumptions_fail(logged, compare_only, roster, seeds):
    source = roster(patients=120, visits=1) if seeds[1:] else roster()
    for seed in seeds:
        logged("a", skill=2.0, seed=seed, draw=10 * seed, source=source)
        logged("b", skill=1.0, seed=seed, draw=10 * seed + 1, source=source)

    (pair,) = compare_only().pairwise

    assert (pair["mcnemar_p"], pair["only_a_correct"]) == (None, None)


def test_robustness_is_the_fraction_of_the_clean_value_that_is_retained(logged, compare_only, noisy):
    logged("a", skill=3.0)
    logged("a", skill=1.0, draw=1, conditions=noisy(0.1, clean=False))

    found = compare_only()

    (row,) = found.robustness
    clean = found.leaderboard[0]["f1_macro"]
    assert row["score"] == pytest.approx(row["value"] / clean)
    assert row["change"] == pytest.approx(row["value"] - clean)
    assert row["change.ci_high"] < 0
    assert (row["severity"], row["level"]) == (0.1, 1)


def test_the_leaderboard_names_the_condition_that_hurts_most(logged, compare_only, noisy):
    logged("a", skill=3.0)
    logged("a", skill=2.0, draw=1, conditions=noisy(0.1, clean=False))
    logged("a", skill=0.0, draw=2, conditions=noisy(0.3, clean=False))

    (row,) = compare_only().leaderboard

    assert row["worst_condition"] == "gaussian_noise_0.3"
    assert 0 < row["robustness_score"] < 1


def test_a_condition_that_changes_nothing_hurts_nobody(logged, compare_only, noisy):
    logged("a", conditions=noisy(0.1))

    (row,) = compare_only().leaderboard

    assert (row["robustness_score"], row["worst_condition"]) == (1.0, "none")


def test_without_conditions_robustness_is_unknown(logged, compare_only):
    logged("a")

    (row,) = compare_only().leaderboard

    assert (row["robustness_score"], row["worst_condition"]) == (None, None)


def test_a_metric_that_is_better_when_low_has_no_robustness_score(logged, compare_only, noisy):
    logged("a", conditions=noisy(0.1))

    (row,) = compare_only("brier").robustness

    assert row["score"] is None
    assert row["change"] == 0.0


def test_a_condition_with_fewer_seeds_is_set_against_clean_images_of_the_same_seeds(logged, compare_only, noisy):
    logged("a", seed=1, draw=1, conditions=noisy(0.1))
    logged("a", seed=2, draw=2)

    found = compare_only()

    (row,) = found.robustness
    assert (row["change"], row["score"]) == (0.0, 1.0)  # seed 1 predicts the same under noise
    assert row["note"] == "only seeds 1, which have both clean and degraded images"
    assert [row["condition"] for row in found.missing] == ["gaussian_noise_0.1"]


@pytest.mark.parametrize("condition", ["clean", "gaussian_noise_0.1"])
def test_changed_predictions_are_not_compared(logged, compare_only, noisy, store, condition):
    logged("a", conditions=noisy(0.1))
    logged("b", conditions=noisy(0.1))
    runs = search_runs(store, f"tags.`arogya.condition` = '{condition}'")
    path = Path(runs[-1].artifact_uri) / "predictions.parquet"
    pd.read_parquet(path).assign(target="benign").to_parquet(path, index=False)

    with pytest.raises(TrackingError, match="cover different cases"):
        compare_only()


def test_latency_and_cost_without_a_measurement_are_no_numbers(logged, compare_only):
    logged("a")

    (row,) = compare_only().leaderboard

    assert row["latency_p50_ms"] is row["cost_per_1k_images_usd"] is None


@pytest.mark.parametrize(("failures", "note"), [(1, " 1 cell is missing."), (2, " 2 cells are missing.")])
def test_the_verdict_counts_what_is_missing(logged, compare_only, failures, note):
    logged("a")
    for name in "bc"[:failures]:
        logged(name, status="FAILED")

    found = compare_only()

    assert found.verdict[0]["reason"].endswith(note)
    assert len(found.missing) == failures


def test_a_source_without_patients_is_compared_on_cases(logged, compare_only, roster):
    source = roster(patients=120, visits=1)
    logged("strong", skill=4.0, source=source)
    logged("weak", skill=0.0, draw=1, source=source)

    assert compare_only().verdict[0]["reason"].startswith("strong is better than weak on 72 cases: ")


def test_a_leader_of_three_beats_each_of_the_others(logged, compare_only):
    logged("strong", skill=5.0)
    logged("weak", skill=0.0, draw=1)
    logged("weaker", skill=-1.0, draw=2)

    (verdict,) = compare_only().verdict

    assert verdict["reason"].startswith("strong is better than weak and weaker on 36")
    assert "each difference in f1_macro is shown at the 5 % level" in verdict["reason"]


def test_an_undefined_primary_metric_leaves_the_verdict_undecided(logged, compare_only, store, noisy):
    for draw, name in enumerate("ab"):
        logged(name, draw=draw, conditions=noisy(0.1))
    for run in search_runs(store, ""):
        path = Path(run.artifact_uri) / "predictions.parquet"
        pd.read_parquet(path).assign(target="benign").to_parquet(path, index=False)

    found = compare_only("auroc_macro_ovr")

    (pair,) = found.pairwise
    assert (pair["difference"], pair["p_value"], pair["p_adjusted"]) == (None, None, None)
    assert pair["note"] == "the metric is undefined for one of the models"
    assert found.verdict[0]["verdict"] == "undecided"
    assert found.leaderboard[0]["auroc_macro_ovr"] is None
    assert {row["score"] for row in found.robustness} == {None}


def test_a_row_that_misses_a_limit_takes_no_share_of_the_chances(logged, store):
    for name, skill, draw in (("strong", 4.0, 0), ("fair", 3.5, 1), ("weak", 0.0, 2)):
        logged(name, skill=skill, draw=draw)
    (block,) = load_evaluations(store, resamples=2000).blocks
    requirements = Requirements(limits=(Limit(quantity="accuracy", at_least=0.6),))

    found = compare_block(block, "f1_macro", requirements=requirements)

    chances = {row["model"]: row["p_best"] for row in found.leaderboard}
    assert chances["weak"] is None
    assert chances["strong"] + chances["fair"] == pytest.approx(1)
    assert {row["members"] for row in found.analyses["ensembles"]} <= {2}


def test_tables_have_the_same_first_columns_with_and_without_rows(logged, noisy, compare_only):
    logged("a", conditions=noisy(0.1))
    logged("b", draw=1)

    found = compare_only()

    for name, columns in FIRST_TABLES.items():
        assert set(columns) <= set(getattr(found, name)[0])
        assert tuple(to_table(name, [])) == columns
