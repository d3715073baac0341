from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from arogya_bench.evaluation.evaluation import run_job
from arogya_bench.evaluation.given_objects import with_source
from arogya_bench.evaluation.thumbnails import MAX_THUMBNAILS, thumbnail_table
from arogya_bench.tracking.runs import get_run
from arogya_bench.types import Box, BoxPredictions, Case, Dataset, Detections, Predictions, Subset


def cases_of(number, *, side=256, boxes=None):
    """Grey images; the number of a case is its brightness."""
    cases = tuple(Case(case_id=f"c{n}", group_id=f"g{n}", target=0, boxes=boxes) for n in range(number))
    dataset = Dataset(
        name="made",
        task="classification",
        classes=("benign", "malignant"),
        cases=cases,
        grouped=False,
        digest="0" * 32,
        licence="CC0-1.0",
        source="made up by a test",
        version="1",
        read=lambda case: np.full((side, side, 3), int(case.case_id[1:]), dtype=np.uint8),
    )
    return Subset(dataset=dataset, cases=cases)


def answers(subset, malignant):
    rows = np.array(malignant, dtype=np.float64)
    return Predictions(
        classes=subset.classes,
        case_ids=tuple(case.case_id for case in subset.cases),
        group_ids=tuple(case.group_id for case in subset.cases),
        targets=subset.targets,
        probabilities=np.stack([1 - rows, rows], axis=1),
    )


def opened(row):
    return PIL.Image.open(BytesIO(row["picture"]))


def test_only_wrong_cases_are_kept_the_most_confident_first_and_the_unanswered_last():
    subset = cases_of(5)

    table = thumbnail_table(answers(subset, [0.7, 0.1, np.nan, 0.99, 0.4]), subset)

    assert list(table["case_id"]) == ["c3", "c0", "c2"]
    assert opened(table.iloc[0]).size == (128, 128)
    assert np.asarray(opened(table.iloc[0])).mean() == pytest.approx(3, abs=1)


def test_a_run_keeps_a_hundred():
    subset = cases_of(130, side=8)

    table = thumbnail_table(answers(subset, np.linspace(0.6, 0.9, 130)), subset)

    assert len(table) == MAX_THUMBNAILS
    assert table["case_id"].iloc[0] == "c129"


def test_a_model_without_mistakes_leaves_an_empty_table_with_its_columns():
    subset = cases_of(2)

    table = thumbnail_table(answers(subset, [0.1, 0.2]), subset)

    assert table.empty
    assert list(table.columns) == ["case_id", "caption", "picture"]


def test_boxes_are_drawn_on_the_images_with_the_most_errors():
    truth = (Box(left=20, top=20, width=100, height=100, label=0),)
    subset = cases_of(2, boxes=truth)
    none = Detections(boxes=np.zeros((0, 4)), scores=np.zeros(0), labels=np.zeros(0, dtype=np.int64))
    false = Detections(
        boxes=np.array([[20.0, 20, 100, 100], [150, 150, 90, 90], [150, 20, 50, 50]]),
        scores=np.array([0.9, 0.8, 0.1]),
        labels=np.zeros(3, dtype=np.int64),
    )
    predictions = BoxPredictions(
        classes=("lesion",),
        case_ids=("c0", "c1"),
        group_ids=("g0", "g1"),
        truth=(truth, truth),
        detections=(none, false),
        threshold=0.5,
    )

    table = thumbnail_table(predictions, subset)

    assert dict(zip(table["case_id"], table["caption"], strict=True)) == {
        "c0": "1 of 1 object missed, 0 false detections",
        "c1": "0 of 1 object missed, 1 false detection",
    }
    drawn = np.asarray(opened(table.iloc[1])).astype(int)
    assert np.ptp(drawn[75, 100]) > 60  # an orange line
    assert np.ptp(drawn[35, 85]) < 40  # below the threshold


@pytest.mark.parametrize(("allowed", "tag"), [(True, "allowed"), (False, "denied")])
def test_a_clean_evaluation_keeps_pictures_only_if_they_are_allowed(store, job_of, allowed, tag):
    clean, noisy = run_job(job_of(noise=(0.1,), thumbnails=allowed), store, None)

    for evaluation in (clean, noisy):
        run = get_run(store.uri, evaluation.run_id)
        kept = f"{run.artifact_uri}/thumbnails.parquet"
        assert run.tags["arogya.thumbnails"] == tag
        if allowed and evaluation is clean:
            wrong = clean.predictions.probabilities.argmax(axis=1) != clean.predictions.targets
            assert len(pd.read_parquet(kept)) == wrong.sum() > 0
        else:
            with pytest.raises(FileNotFoundError):
                pd.read_parquet(kept)


def test_allowing_pictures_evaluates_no_cell_again(store, job_of):
    run_job(job_of(), store, None)

    assert run_job(job_of(thumbnails=True), store, None) == []


def test_what_the_default_dataset_allows_says_nothing_of_a_given_source(job_of, source):
    job = job_of(thumbnails=True)

    assert not with_source(job, source).thumbnails
    assert with_source(replace(job, overrides=("dataset.thumbnails=allowed",)), source).thumbnails
