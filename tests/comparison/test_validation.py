"""Validation predictions come from the fits behind the clean evaluations, or are absent."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.models.temperature import apply_temperature
from arogya_bench.tracking.items import Scalars
from arogya_bench.tracking.runs import search_runs, write_items


@pytest.fixture
def validation(store):
    def read():
        (block,) = load_evaluations(store, resamples=2000).blocks
        return block.load_validation({name: row for row, name in block.row_names.items()})

    return read


def test_each_seed_has_the_predictions_of_its_fit_sorted_by_case(fitted, validation):
    first = fitted("a", seed=1, validation=1.0)
    second = fitted("a", seed=2, validation=2.0)

    found = validation()["a"]

    assert found[0].case_ids == tuple(sorted(first.case_ids))
    for predictions, logged in zip(found, (first, second), strict=True):
        position = logged.case_ids.index(predictions.case_ids[3])
        np.testing.assert_allclose(predictions.probabilities[3], logged.probabilities[position])


def test_a_row_is_absent_if_the_fit_of_one_seed_has_none(fitted, logged, validation):
    fitted("a", seed=1)
    logged("a", seed=2)
    fitted("b", scores=False, stored=False)
    fitted("c")

    assert list(validation()) == ["c"]


def test_a_lost_file_leaves_its_row_out(fitted, validation, store):
    fitted("a")
    (fit,) = search_runs(store, "tags.`arogya.kind` = 'fit'")
    (Path(fit.artifact_uri) / "predictions_validation.parquet").unlink()

    assert validation() == {}


def test_calibrated_rows_have_calibrated_validation_predictions(fitted, validation, store):
    stored = fitted("a", tags={"arogya.calibration": "temperature, fitted on the validation split"})
    (run,) = search_runs(store, "tags.`arogya.kind` = 'evaluation'")
    assert validation() == {}  # without the temperature nothing is known of them

    write_items(store, run.run_id, [Scalars(values={"temperature": 2.0})])

    (found,) = validation()["a"]
    order = np.argsort(stored.case_ids)
    np.testing.assert_allclose(found.probabilities, apply_temperature(stored.probabilities, 2.0)[order])


def test_a_detector_that_is_evaluated_on_labels_has_none(fitted, validation):
    fitted("a", tags={"arogya.label_rule": "best box"})

    assert validation() == {}


def test_pooled_folds_have_none(fitted, validation):
    policy = SplitPolicy(method="kfold", folds=3)
    for fold in range(3):
        fitted("a", split=replace(policy, fold=fold))

    assert validation() == {}
