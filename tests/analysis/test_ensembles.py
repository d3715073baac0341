"""Studies with planted errors, and the ensembles that must follow from them."""

from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.analysis.ensembles import ENSEMBLE_COLUMNS, NEVER_RECOMMENDED, NO_PROBABILITIES, ensemble_rows
from arogya_bench.analysis.judgement import judge_rows
from arogya_bench.analysis.scored_rows import EvaluatedRow, single_resample
from arogya_bench.analysis.study import Study
from arogya_bench.types import Predictions

CASES, CLASSES, SEED = 300, 3, "c0ffee"
TARGETS = np.arange(CASES) % CLASSES
NAMES = tuple(f"c{i:03}" for i in range(CASES))


def predict(draw, *, skill=1.5):
    """Independent errors: the true class is more probable, by noise of this draw alone."""
    logits = np.random.default_rng(draw).normal(size=(CASES, CLASSES)) + skill * np.eye(CLASSES)[TARGETS]
    odds = np.exp(logits)
    return Predictions(
        classes=("a", "b", "c"),
        case_ids=NAMES,
        group_ids=NAMES,
        targets=TARGETS,
        probabilities=odds / odds.sum(axis=1, keepdims=True),
    )


def row(name, *draws, seeds=None, seeded=True, **options):
    names = tuple(map(str, range(len(draws)))) if seeds is None else seeds
    return EvaluatedRow(name=name, predictions=tuple(predict(d, **options) for d in draws), seeds=names, seeded=seeded)


def study_of(*rows, metric="accuracy", excluded=None, **fields):
    judgement = judge_rows(rows, metric=metric, resamples=None, seed=SEED, excluded=excluded)
    return Study(
        dataset="clinic",
        grouped=False,
        judgement=judgement,
        resampling=single_resample(rows[0].predictions[0]),
        evaluated={found.name: found for found in rows},
        **fields,
    )


def by_name(rows):
    return {(found["ensemble"], found["rule"]): found for found in rows}


@pytest.mark.parametrize("metric", ["accuracy", "nll"])
def test_models_with_independent_errors_are_better_together(metric):
    rows = ensemble_rows(study_of(row("a", 1), row("b", 2), row("c", 3), metric=metric))

    (first, *_) = rows
    assert (first["members"], first["rule"]) == (3, "mean")
    assert first["conclusion"] == "the ensemble is better"
    assert (first["difference"] > 0) == (metric == "accuracy")
    assert first["p_value"] < first["p_adjusted"] < 0.05
    assert first["value.ci_low"] < first["value"] < first["value.ci_high"]
    assert NEVER_RECOMMENDED in first["note"]
    assert all(tuple(found) == ENSEMBLE_COLUMNS for found in rows)


def test_copies_of_one_model_are_no_better_together():
    a = predict(1)
    rows = ensemble_rows(study_of(*(EvaluatedRow(name=n, predictions=(a,), seeds=("0",)) for n in "abc")))

    assert [(found["difference"], found["p_value"], found["p_adjusted"]) for found in rows] == [(0.0, 1.0, 1.0)] * 5


def test_a_pair_votes_by_its_mean_and_has_no_vote_of_its_own():
    rows = ensemble_rows(study_of(row("a", 1), row("b", 2), row("c", 3)))

    assert sorted((found["members"], found["rule"]) for found in rows) == [(2, "mean")] * 3 + [(3, "mean"), (3, "vote")]


def test_a_vote_has_no_metric_of_probabilities():
    rows = ensemble_rows(study_of(row("a", 1), row("b", 2), row("c", 3), metric="nll"))

    assert rows[-1]["rule"] == "vote"
    assert (rows[-1]["value"], rows[-1]["p_adjusted"], rows[-1]["family"]) == (None, None, 4)
    assert NO_PROBABILITIES in rows[-1]["note"]


def test_seeds_are_combined_one_by_one_and_averaged():
    a, b = row("a", 1, 2), row("b", 3, 4)

    (pair,) = ensemble_rows(study_of(a, b))

    per_seed = [
        np.mean((x.probabilities + y.probabilities).argmax(axis=1) == TARGETS)
        for x, y in zip(a.predictions, b.predictions, strict=True)
    ]
    assert pair["value"] == pytest.approx(np.mean(per_seed))


def test_only_shared_seeds_are_combined_also_of_the_best_member():
    (pair,) = ensemble_rows(study_of(row("a", 1, 2, seeds=("7", "8")), row("b", 3, seeds=("8",), skill=0.8)))

    assert pair["note"].startswith("only seeds 8, which all members have")
    assert pair["best_member_value"] == np.mean(predict(2).probabilities.argmax(axis=1) == TARGETS)


def test_a_model_that_no_seed_changes_stands_in_every_seed():
    a, fixed = row("a", 1, 2), row("fixed", 3, seeds=("42",), seeded=False)

    (pair,) = ensemble_rows(study_of(a, fixed))

    assert "seed" not in pair["note"]
    assert np.isfinite(pair["difference.ci_low"])


def test_rows_without_a_common_seed_are_listed_without_a_score():
    (pair,) = ensemble_rows(study_of(row("a", 1, seeds=("7",)), row("b", 2, seeds=("8",))))

    assert pair["value"] is None
    assert pair["note"].startswith("its members have no seed in common")


def test_a_case_that_one_member_left_open_is_answered_by_the_other():
    a, b = row("a", 1), row("b", 2)
    open_cases = b.predictions[0].probabilities.copy()
    open_cases[:10] = np.nan
    silent = replace(b, predictions=(replace(b.predictions[0], probabilities=open_cases),))

    (pair,) = ensemble_rows(study_of(a, silent))

    together = np.vstack([a.predictions[0].probabilities[:10], (a.predictions[0].probabilities + open_cases)[10:]])
    assert pair["value"] == np.mean(together.argmax(axis=1) == TARGETS)
    assert pair["note"].startswith("10 cases that a member did not answer: the others decide")


def test_rows_that_cannot_be_recommended_are_no_members():
    rows = ensemble_rows(
        study_of(row("a", 1), row("b", 2), row("leak", 3), excluded={"leak": "it saw the test images"})
    )

    assert [found["ensemble"] for found in rows if "leak" in found["ensemble"]] == []
    assert len(rows) == 1


def test_many_rows_are_chosen_on_validation():
    """On validation the row that is best on test is the worst."""
    rows = [row(f"m{i}", i, skill=1.5 + 0.1 * i) for i in range(7)]
    validation = {f"m{i}": (predict(50 + i, skill=3.0 - 0.4 * i),) for i in range(7)}

    ensembles = ensemble_rows(study_of(*rows, validation=validation))

    assert {name for found in ensembles for name in found["ensemble"].split(" + ")} == {f"m{i}" for i in range(6)}
    assert "the 6 of 7 rows that are combined were chosen on validation" in ensembles[0]["note"]


def test_many_rows_without_validation_are_said_to_be_chosen_on_test():
    ensembles = ensemble_rows(study_of(*(row(f"m{i}", i, skill=1.0 + 0.2 * i) for i in range(7))))

    assert len(ensembles) == 15 + 2 * 20
    assert "so that the ensembles look too good" in ensembles[0]["note"]
