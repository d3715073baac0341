"""Folds of one cross-validation are one block: every case once per repeat, one verdict."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arogya_bench import compare
from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.pooled_predictions import pool_predictions
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.errors import TrackingError
from arogya_bench.scoring.scores import point_scores
from arogya_bench.tracking.runs import get_run
from arogya_bench.types import BoxPredictions, Detections


@pytest.fixture
def folded(logged):
    """Log the folds of a model."""

    def build(name, *, folds=(0, 1, 2), repeat=0, **fields):
        draws = {"draw": 10 * repeat, **fields}
        return [
            logged(name, split=SplitPolicy(method="kfold", folds=3, fold=fold, repeat=repeat), **draws)
            for fold in folds
        ]

    return build


@pytest.fixture
def only(store):
    def block():
        (found,) = load_evaluations(store, resamples=2000).blocks
        return found

    return block


def digest_of(block, name):
    return next(row for row, of_row in block.row_names.items() if of_row == name)


def test_every_case_stands_once_in_the_pooled_predictions(folded, only, store):
    runs = folded("a")

    block = only()
    (pooled,) = block.evaluated_row(digest_of(block, "a"), CLEAN).predictions

    stored = pd.concat(
        pd.read_parquet(Path(get_run(store.uri, run).artifact_uri) / "predictions.parquet") for run in runs
    )
    assert pooled.case_ids == tuple(sorted(stored["case_id"]))
    assert len(set(pooled.case_ids)) == 120
    row = stored[stored["case_id"] == pooled.case_ids[5]]
    np.testing.assert_array_equal(pooled.probabilities[5], row[[f"p_{name}" for name in pooled.classes]].to_numpy()[0])


def test_folds_have_one_verdict_with_the_pooled_score(folded, only, store):
    folded("a", skill=2.0)
    folded("b", skill=0.2)

    found = compare("study", tracking_uri=store.uri)

    block = only()
    (pooled,) = block.evaluated_row(digest_of(block, "a"), CLEAN).predictions
    assert list(found.verdict["verdict"]) == ["ahead"]
    assert found.leaderboard["cases"].unique().tolist() == [120]
    assert found.leaderboard["f1_macro"][0] == pytest.approx(point_scores(pooled)["f1_macro"])
    assert any("one of 3 fits" in caveat for caveat in found.about["datasets"][0]["caveats"])
    assert list(found.folds["model"]) == ["a", "b"]
    assert list(found.folds["splits"]) == [3, 3]
    (pair,) = found.fold_pairs.to_dict(orient="records")
    assert (pair["a"], pair["b"], pair["folds"]) == ("a", "b", 3)
    assert pair["difference"] == pytest.approx(found.folds["mean"][0] - found.folds["mean"][1])
    assert pair["difference.ci_low"] < pair["difference"] < pair["difference.ci_high"]


def test_the_test_of_folds_is_wider_than_one_of_independent_splits(folded, store):
    """By hand: the variance is multiplied by 1/J + test/train, which is 1/3 + 1/2 of three folds."""
    folded("a", skill=1.0)
    folded("b", skill=0.8, draw=3)

    found = compare("study", tracking_uri=store.uri)

    (pair,) = found.fold_pairs.to_dict(orient="records")
    half = (pair["difference.ci_high"] - pair["difference.ci_low"]) / 2
    differences = [fold_difference(store, fold) for fold in range(3)]
    assert pair["difference"] == pytest.approx(np.mean(differences))
    assert half == pytest.approx(4.302653 * np.std(differences, ddof=1) * np.sqrt(1 / 3 + 1 / 2), rel=1e-5)


def fold_difference(store, fold):
    split = f"tags.`arogya.split` LIKE 'kfold-3-f{fold}-%'"
    single = compare("study", tracking_uri=store.uri, where=split).leaderboard.set_index("model")
    return single["f1_macro"]["a"] - single["f1_macro"]["b"]


def test_repeats_count_as_seeds(folded, only):
    folded("a")
    folded("a", repeat=1)

    block = only()
    row = block.evaluated_row(digest_of(block, "a"), CLEAN)

    assert row.seeds == ("42-r0", "42-r1")
    assert row.repeats == ("0", "1")
    assert row.predictions[0].case_ids == row.predictions[1].case_ids
    assert not np.array_equal(row.predictions[0].probabilities, row.predictions[1].probabilities)


def test_a_row_that_lacks_a_fold_is_not_compared_on_other_cases(folded, store):
    folded("a")
    folded("b", folds=(0, 2))

    found = compare("study", tracking_uri=store.uri)

    assert list(found.leaderboard["model"]) == ["a"]
    (cell,) = found.missing.to_dict(orient="records")
    assert (cell["model"], cell["seed"], cell["status"]) == ("b", "42, fold 1", "never run")
    (apart,) = found.not_compared.to_dict(orient="records")
    assert (apart["model"], apart["reason"]) == ("b", "it lacks fold 1, so that it was not tested on the same cases")


def test_folds_that_no_row_has_are_said_to_be_left_out(folded, only):
    folded("a", folds=(0, 1))

    block = only()

    assert "Not every model can be pooled with fold 2, which is left out." in block.caveats
    assert len(block.evaluated_row(digest_of(block, "a"), CLEAN).predictions[0].case_ids) == 80


def test_a_repeat_that_has_begun_waits_for_its_folds(folded, only):
    folded("a")
    folded("a", repeat=1, folds=(0,))

    block = only()

    assert block.seeds(digest_of(block, "a"), CLEAN) == ["42"]
    assert [cell["seed"] for cell in block.missing] == ["42, fold 1 of repeat 1", "42, fold 2 of repeat 1"]


def test_one_fold_alone_is_a_block_of_its_own(folded, only):
    folded("a", folds=(1,))

    block = only()

    assert block.split.startswith("kfold-3-f1-r0")
    assert block.cross_validation is None


def test_folds_whose_predictions_share_cases_are_not_pooled(folded, only, store):
    first, second, _ = folded("a")
    files = [Path(get_run(store.uri, run).artifact_uri) / "predictions.parquet" for run in (first, second)]
    files[1].write_bytes(files[0].read_bytes())
    block = only()

    with pytest.raises(TrackingError, match="share cases"):
        block.evaluated_row(digest_of(block, "a"), CLEAN)


def boxes(case, scores, threshold):
    found = Detections(boxes=np.ones((len(scores), 4)), scores=np.array(scores), labels=np.zeros(len(scores), int))
    return BoxPredictions(
        classes=("x",), case_ids=(case,), group_ids=(case,), truth=((),), detections=(found,), threshold=threshold
    )


def test_detectors_keep_the_threshold_of_each_fold():
    pooled = pool_predictions([boxes("b", [0.1, 0.2, 0.6], 0.2), boxes("a", [0.5, 0.7, 0.9], 0.7)])

    assert pooled.case_ids == ("a", "b")
    above = [(found.scores >= pooled.threshold).tolist() for found in pooled.detections]
    assert above == [[False, True, True], [False, True, True]]
    assert all((np.diff(found.scores) > 0).all() for found in pooled.detections)


def test_models_are_compared_on_the_repeats_that_they_share(folded, store, only):
    """Both answer alike in the repeat that both have; the second repeat of one says nothing about the other."""
    folded("a")
    folded("a", repeat=1, skill=0.1)
    folded("b")

    found = compare("study", tracking_uri=store.uri)

    assert list(found.pairwise["difference"]) == list(found.fold_pairs["difference"]) == [0]
    assert any("fold 0 of repeat 1" in caveat and "left out" in caveat for caveat in only().caveats)
