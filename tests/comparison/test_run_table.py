"""The table of runs names every evaluation behind the numbers, with the digest of what was read of it."""

import hashlib
from pathlib import Path

import pandas as pd

from arogya_bench import compare
from arogya_bench.comparison.run_table import NOT_CHOSEN, WITHOUT_CLEAN
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.tracking.runs import get_run


def test_the_digest_is_that_of_the_stored_file(comparison, finished):
    runs = comparison.runs

    assert list(runs["condition"]) == ["clean", "gaussian_noise_0.1", "gaussian_noise_0.3"] * 2
    for row in runs.to_dict("records"):
        run = get_run(finished.uri, row["run_id"])
        content = (Path(run.artifact_uri) / "predictions.parquet").read_bytes()
        assert row["digest"] == hashlib.sha256(content).hexdigest()
        assert (row["model"], row["seed"]) == (run.tags["arogya.model"], run.tags["arogya.seed"])
        assert (row["fit_run_id"], row["experiment_id"]) == (run.tags["arogya.fit_run_id"], run.experiment_id)
        assert pd.Timestamp(row["finished"]).timestamp() == run.end_time // 1000


def test_a_changed_probability_changes_the_digest(logged, store):
    run = logged("a")
    before = compare("study", tracking_uri=store.uri).runs["digest"][0]
    file = Path(get_run(store.uri, run).artifact_uri) / "predictions.parquet"
    table = pd.read_parquet(file)
    table.loc[0, "p_benign"] += 1e-9
    table.to_parquet(file, index=False)

    assert compare("study", tracking_uri=store.uri).runs["digest"][0] != before


def test_runs_that_no_number_rests_on_have_no_digest_but_a_reason(fitted, logged, store, noisy):
    for cost, validation in ((0.1, 0.2), (1.0, 3.0)):
        model = OpenCVClassifier(image_size=32, C=cost)
        fitted("svm", model=model, validation=validation, conditions=noisy(0.1))
    logged("late", conditions=noisy(0.1, clean=False))

    runs = compare("study", tracking_uri=store.uri).runs

    unread = runs[runs["digest"].isna()].set_index("model")
    assert unread["note"].to_dict() == {"svm (C=0.1)": NOT_CHOSEN, "late": WITHOUT_CLEAN}
    assert len(runs) == 5


def test_each_fold_is_a_run_of_its_own(logged, store):
    expected = [logged("a", split=SplitPolicy(method="kfold", folds=3, fold=fold)) for fold in range(3)]

    runs = compare("study", tracking_uri=store.uri).runs

    assert list(runs["run_id"]) == expected
    assert runs["split"].nunique() == 3
    assert runs["digest"].notna().all()
