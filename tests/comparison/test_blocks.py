from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arogya_bench import compare
from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.analysis.scored_rows import score_rows
from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.missing_cells import NEVER_RUN
from arogya_bench.comparison.selection import Selection
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.errors import TrackingError
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.scoring.scores import Resampling
from arogya_bench.tracking.runs import finish_run, get_run, start_run
from arogya_bench.types import Training

FAILURE = {"arogya.error": "MemoryError", "arogya.error_message": "no room\nfor the kernel"}


@pytest.fixture
def read(store):
    def blocks_of(where=None):
        return load_evaluations(store, selection=Selection(where=where or ""), resamples=2000).blocks

    return blocks_of


@pytest.fixture
def only(read):
    def block_of():
        (block,) = read()
        return block

    return block_of


def labels(block):
    return sorted(block.row_names.values())


def row(block, label):
    (found,) = [row for row, name in block.row_names.items() if name == label]
    return found


def rewrite(store, run_id, change):
    """Change the stored predictions of a run behind MLflow's back."""
    path = Path(get_run(store.uri, run_id).artifact_uri) / "predictions.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def svm(cost):
    return OpenCVClassifier(image_size=32, C=cost)


def test_evaluations_of_the_same_cases_are_one_block(logged, only):
    logged("a")
    logged("b")

    block = only()

    assert (block.dataset, labels(block)) == ("roster", ["a", "b"])
    assert block.missing == ()
    assert block.grouped


def test_another_content_of_the_same_name_is_a_block_of_its_own(logged, read, roster):
    logged("a", source=roster(digest="a" * 32))
    logged("b", source=roster(digest="b" * 32))

    found = read()

    assert [labels(block) for block in found] == [["a"], ["b"]]
    assert [block.dataset[:15] for block in found] == ["roster (aaaaaa-", "roster (bbbbbb-"]


def test_another_split_is_a_block_of_its_own(logged, read):
    logged("a")
    logged("b", split=SplitPolicy(train=0.2, validation=0.2, test=0.6, seed=7))

    first, second = read()

    assert first.dataset != second.dataset
    assert first.split_digest != second.split_digest


def test_two_datasets_keep_their_names(logged, read, roster):
    logged("a", source=roster(name="hospital"))
    logged("a", source=roster(name="clinic", digest="c" * 32))

    assert [block.dataset for block in read()] == ["clinic", "hospital"]


def test_a_dataset_on_which_nothing_finished_is_no_block(logged, read, roster):
    logged("a")
    logged("a", source=roster(name="clinic", digest="c" * 32), status="FAILED")

    assert [block.dataset for block in read()] == ["roster"]


def test_conditions_are_sorted_from_clean_and_mild_to_strong(logged, only, noisy):
    logged("a", conditions=noisy(0.3, 0.2, 0.1, clean=False))
    logged("a", conditions=noisy())

    names = [condition.name for condition in only().conditions]

    assert names == ["clean", "gaussian_noise_0.3", "gaussian_noise_0.2", "gaussian_noise_0.1"]


def test_the_newest_finished_run_of_a_cell_wins(logged, only):
    logged("a", draw=0)
    newest = logged("a", draw=1)

    block = only()

    assert block.runs[row(block, "a"), CLEAN, "42"].run_id == newest


def test_a_failure_does_not_hide_an_older_success(logged, only):
    finished = logged("a")
    logged("a", status="FAILED", tags=FAILURE)

    block = only()

    assert block.runs[row(block, "a"), CLEAN, "42"].run_id == finished
    assert block.missing == ()


@pytest.mark.parametrize("status", ["FAILED", "KILLED", "RUNNING"])
def test_a_cell_that_did_not_finish_is_missing_with_its_cause(logged, only, status):
    logged("a")
    logged("b", status=status, tags=FAILURE)

    (absent,) = only().missing

    assert absent == {
        "model": "b",
        "condition": "clean",
        "seed": "42",
        "status": status,
        "cause": "MemoryError",
        "message": "no room",
    }


def test_a_cell_that_was_never_run_is_missing(logged, only, noisy):
    logged("a", conditions=noisy(0.1))
    logged("b")

    (absent,) = only().missing

    assert (absent["model"], absent["condition"]) == ("b", "gaussian_noise_0.1")
    assert absent["status"] == NEVER_RUN


def test_rows_may_have_different_numbers_of_seeds(logged, only):
    logged("a", seed=1)
    logged("a", seed=2)
    logged("b", seed=1)

    assert only().missing == ()


def test_a_seed_that_was_not_run_under_every_condition_is_missing(logged, only, noisy):
    logged("a", seed=1, conditions=noisy(0.1))
    logged("a", seed=2)

    (absent,) = only().missing

    found = (absent["model"], absent["seed"], absent["condition"], absent["status"])
    assert found == ("a", "2", "gaussian_noise_0.1", NEVER_RUN)


def test_a_job_that_failed_before_it_had_data_is_missing(logged, only, store):
    logged("a")
    tags = {"arogya.kind": "evaluation", "arogya.model": "b", **FAILURE}
    finish_run(store, start_run(store, "b", tags), "FAILED")

    (absent,) = only().missing

    assert (absent["model"], absent["condition"]) == ("b", "all")
    assert absent["cause"] == "MemoryError"


def test_rows_of_one_name_are_told_apart_by_what_differs(logged, only):
    logged("svm", model=svm(1.0))
    logged("svm", model=svm(10.0))
    logged("prior")

    assert labels(only()) == ["prior", "svm (C=1.0)", "svm (C=10.0)"]


def test_a_row_without_a_finished_run_has_a_name_too(logged, only):
    logged("svm", model=svm(1.0))
    logged("svm", model=svm(10.0), status="FAILED")

    assert len(set(labels(only()))) == 2


def test_rows_that_differ_in_training_only_are_told_apart(logged, only):
    logged("svm", training=Training(epochs=1), training_name="quick")
    logged("svm", training=Training(epochs=9), training_name="long")

    assert labels(only()) == ["svm (training=long)", "svm (training=quick)"]


def test_rows_that_cross_are_told_apart(logged, only):
    """Each param tells two of the three apart, and none tells all."""
    logged("svm", model=svm(1.0))
    logged("svm", model=svm(10.0))
    logged("svm", model=svm(1.0), training=Training(epochs=9))

    assert len(set(labels(only()))) == 3


def test_a_filter_chooses_runs(logged, read):
    logged("a")
    logged("b")

    (block,) = read("tags.`arogya.model` = 'b'")

    assert labels(block) == ["b"]


def test_a_filter_that_cannot_be_read_is_the_problem(logged, read):
    logged("a")

    with pytest.raises(TrackingError) as refusal:
        read("model is b")

    assert "correct the filter 'model is b'" in refusal.value.fix


def test_without_a_finished_evaluation_there_is_nothing_to_compare(logged, store):
    logged("a", status="FAILED")

    with pytest.raises(TrackingError, match=r"'study' has no finished evaluation \(1 evaluation in total\)") as none:
        compare("study", tracking_uri=store.uri)

    assert none.value.fix == "run the same sweep again: it evaluates what is missing."


def test_where_everything_failed_the_cause_is_named_with_its_remedy(logged, store):
    message = "The model returned nothing. Fix: mend the model."
    logged("a", status="FAILED", tags={"arogya.error_message": message}.items())

    with pytest.raises(TrackingError, match="1 failed, the last one so: The model returned nothing") as caught:
        compare("study", tracking_uri=store.uri)

    assert caught.value.fix == "mend the model; then run the same command again."


def test_seeds_are_averaged_and_not_pooled(logged, only):
    logged("a", seed=1, draw=1)
    alone = scored(only(), "a")
    logged("a", seed=2, draw=2)

    block = only()
    both = scored(block, "a")
    parts = [each["f1_macro"] for each in map(f1_of, block.load_predictions(row(block, "a"), CLEAN))]

    assert both.estimate("f1_macro") == pytest.approx(np.mean(parts))
    assert both.estimate("f1_macro") != alone.estimate("f1_macro")
    assert both.seed_scores("f1_macro").mean_changes.shape == alone.seed_scores("f1_macro").mean_changes.shape


def scored(block, name):
    evaluated = block.evaluated_row(row(block, name), CLEAN)
    resampling = Resampling(predictions=evaluated.predictions[0], resamples=200, seed=block.split_digest)
    (found,) = score_rows([evaluated], block.task, ["f1_macro"], resampling)
    return found


def f1_of(predictions):
    from arogya_bench.scoring.scores import point_scores

    return point_scores(predictions)


def test_the_order_of_the_stored_cases_does_not_matter(logged, only, store):
    run_id = logged("a")
    before = scored(only(), "a").mean_over_seeds("f1_macro")
    rewrite(store, run_id, lambda table: table.sample(frac=1, random_state=0))

    after = scored(only(), "a").mean_over_seeds("f1_macro")

    np.testing.assert_array_equal(after.values, before.values)


def test_a_condition_without_a_run_has_no_numbers(logged, only):
    logged("a")

    assert only().evaluated_row(row(only(), "a"), "fog") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.iloc[:-1],
        lambda table: table.assign(case_id=table["case_id"].str.replace("c0", "d0")),
        lambda table: table.assign(group_id="one"),
        lambda table: table.assign(target="benign"),
    ],
    ids=["fewer", "renamed", "regrouped", "relabelled"],
)
def test_changed_predictions_are_not_paired(logged, only, store, change):
    logged("a")
    rewrite(store, logged("b"), change)
    block = only()
    tables = [block.load_predictions(row(block, name), CLEAN) for name in "ab"]

    with pytest.raises(TrackingError, match="cover different cases"):
        block.check_same_cases(tables)


def test_predictions_that_are_gone_are_named(logged, only, store):
    run_id = logged("a")
    (Path(get_run(store.uri, run_id).artifact_uri) / "predictions.parquet").unlink()

    with pytest.raises(TrackingError, match=f"Run {run_id} .* has no artifact"):
        only().load_predictions(row(only(), "a"), CLEAN)


def test_a_condition_without_severity_is_no_clean_one(logged, only):
    photometric = "arogya_bench.augmentations.photometric"
    specs = {
        "clean": AugmentationSpec(function=f"{photometric}.clean"),
        "mirrored": AugmentationSpec(function=f"{photometric}.clean"),
    }
    logged("a", conditions=expand_conditions(specs))

    clean, mirrored = only().conditions

    assert (clean.name, mirrored.name, mirrored.severity) == ("clean", "mirrored", None)
