"""Importing tables through the command line, into a real store."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arogya_bench import compare, load_predictions
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, FINISHED_FITS, search_runs

EXPERIMENT = "study"


def compared(store, metric="accuracy"):
    return compare(EXPERIMENT, tracking_uri=store.uri, metric=metric)


def test_a_file_becomes_evaluations_that_compare_reads(store, imported, runs, table, tmp_path):
    frame = pd.concat([table(model="good"), table(model="bad", p_malignant=[0.4] * 6, p_benign=[0.6] * 6)])
    frame.to_csv(tmp_path / "two.csv", index=False)

    ended = imported("two.csv", "--dataset", "clinic")

    first, second = runs()
    assert ended.code == 0, ended.err
    assert "Imported 2 evaluations of 6 cases on clinic." in ended.err
    assert first.tags["arogya.kind"] == "evaluation"
    assert first.tags["arogya.imported_from"] == "two.csv"
    assert first.tags["arogya.grouped"] == "true"
    assert first.tags["arogya.seeded"] == "false"
    assert first.metrics["accuracy"] == pytest.approx(5 / 6)
    assert second.params["model"] == "bad"
    tables = compared(store)
    assert list(tables.leaderboard["model"]) == ["good", "bad"]
    assert not tables.pairwise.empty


@pytest.mark.parametrize("options", [(), ("--classes", "no DR,mild,severe")])
def test_weighted_kappas_need_the_order_of_the_grades(imported, runs, tmp_path, options):
    grades = ["no DR", "mild", "severe", "no DR", "mild", "severe"]
    frame = pd.DataFrame({"case": range(6), "label": grades, "predicted": [*grades[:5], "no DR"]})
    frame.to_csv(tmp_path / "grades.csv", index=False)

    ended = imported("grades.csv", "--dataset", "eyes", "--model", "m", *options)

    (run,) = runs()
    assert ("kappa_quadratic" in run.metrics) == bool(options)
    assert ("The classes are in this order: mild, no DR, severe." in ended.err) != bool(options)


def test_the_same_predictions_are_imported_once_and_others_replace_them(imported, runs, table, tmp_path):
    table().to_csv(tmp_path / "one.csv", index=False)
    table(p_malignant=[0.8] * 6, p_benign=[0.2] * 6).to_csv(tmp_path / "later.csv", index=False)

    imported("one.csv", "--dataset", "St. Mary's", "--model", "m")
    table().to_parquet(tmp_path / "one.parquet")
    again = imported("one.parquet", "--dataset", "St. Mary's", "--model", "m")
    later = imported("later.csv", "--dataset", "St. Mary's", "--model", "m")

    assert "skipped" in again.err
    assert "replaces an earlier import" in later.err
    assert len(runs()) == 2


def test_an_exported_table_comes_back_as_it_was(store, logged, imported, runs, tmp_path):
    run_id = logged("ours")
    original = load_predictions(run_id, tracking_uri=store.uri)
    original.to_csv(tmp_path / "copy.csv", index=False)

    ended = imported("copy.csv", "--model", "copy", "--dataset", "roster")

    copy = load_predictions(runs()[-1].run_id, tracking_uri=store.uri)
    assert ended.code == 0, ended.err
    pd.testing.assert_frame_equal(copy, original[list(copy.columns)], check_dtype=False)


KNOWN = (
    *("dataset=synthetic", "dataset.cases=60", "dataset.classes=3", "dataset.image_size=32"),
    *("split.train=0.5", "split.validation=0.2", "split.test=0.3"),
)  # the dataset and the split of the fixture ``study``


def test_a_known_dataset_gives_one_table_with_difference_0(study, command, tmp_path):
    """Our predictions, exported and imported as ``copy``, cannot be told from ours; without their labels too."""
    query = f"{FINISHED_EVALUATIONS} and tags.`arogya.model` = 'opencv' and tags.`arogya.condition` = 'clean'"
    (ours,) = search_runs(study, query)
    exported = load_predictions(ours.run_id, tracking_uri=study.uri)
    unlabelled = exported.drop(columns=["target", "group_id", "true_class"])
    unlabelled.to_csv(tmp_path / "copy.csv", index=False)
    exported.assign(case_id=["odd", *exported["case_id"][1:]]).to_csv(tmp_path / "foreign.csv", index=False)
    options = ("--model", "copy", "--tracking-uri", study.uri, "--experiment", EXPERIMENT, "--resamples", "0", *KNOWN)

    refused = command("import", "foreign.csv", *options)
    ended = command("import", "copy.csv", *options)

    assert refused.code == 2
    assert "1 are foreign, 1 are missing; 'odd' in line 2 of foreign.csv is none of them" in refused.err
    assert ended.code == 0, ended.err
    tables = compared(study)
    pair = next(pair for pair in tables.pairwise.to_dict("records") if {pair["a"], pair["b"]} == {"opencv", "copy"})
    assert set(tables.leaderboard["dataset"]) == {"synthetic-60x3"}
    assert pair["difference"] == 0
    assert pair["p_value"] == 1


def test_a_label_that_is_not_that_of_the_dataset_is_refused(study, command, tmp_path):
    (ours, *_) = search_runs(study, FINISHED_EVALUATIONS)
    exported = load_predictions(ours.run_id, tracking_uri=study.uri)
    other = next(name for name in exported["target"] if name != exported["target"][0])
    exported.assign(target=[other, *exported["target"][1:]]).to_csv(tmp_path / "wrong.csv", index=False)

    ended = command("import", "wrong.csv", "--model", "m", "--tracking-uri", study.uri, *KNOWN)

    assert ended.code == 2
    assert f"has the label {other!r} in line 2 of wrong.csv" in ended.err


def test_labels_without_probabilities_leave_scores_undefined_everywhere(store, imported, runs, table, tmp_path):
    labels = ["malignant", "benign", "malignant", "malignant", "malignant", "benign"]
    table(p_malignant=None, p_benign=None, predicted=labels).to_csv(tmp_path / "labels.csv", index=False)
    table().to_csv(tmp_path / "scores.csv", index=False)

    imported("labels.csv", "--dataset", "clinic", "--model", "labels")
    imported("scores.csv", "--dataset", "clinic", "--model", "scores")

    run = runs()[0]
    rows = compared(store).leaderboard.set_index("model")
    assert run.metrics["accuracy"] == pytest.approx(5 / 6)
    assert "auroc_macro_ovr" not in run.metrics
    assert json.loads(run.tags["arogya.undefined_metrics"])["ece"] == "no class probabilities"
    assert load_predictions(run.run_id, tracking_uri=store.uri)["p_malignant"].isna().all()
    assert np.isnan(rows.loc["labels", "auroc_macro_ovr"])
    assert rows.loc["scores", "auroc_macro_ovr"] == 1
    assert rows.loc["labels", "accuracy"] == pytest.approx(5 / 6)


def test_validation_rows_become_the_fit_of_the_evaluation_and_give_its_thresholds(store, imported, runs, tmp_path):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 80)
    score = 1 / (1 + np.exp(-rng.normal(size=80) - 2 * label + 1))
    cases = [f"c{number:02}" for number in range(80)]
    frame = pd.DataFrame({"case": cases, "label": label, "score": score, "split": ["val", "test"] * 40})
    frame.to_csv(tmp_path / "parts.csv", index=False)

    imported("parts.csv", "--dataset", "clinic", "--model", "m")
    imported("parts.csv", "--dataset", "clinic", "--model", "m")

    (fit,) = search_runs(store, FINISHED_FITS)
    points = compared(store).operating_points.set_index("target")
    assert runs()[0].tags["arogya.fit_run_id"] == fit.run_id
    assert "validation_auroc" in fit.metrics
    assert load_predictions(fit.run_id, tracking_uri=store.uri)["case_id"].tolist() == cases[::2]
    assert 0 < points.loc["sensitivity", "threshold"] < 1


def test_seeds_and_conditions_are_cells(imported, runs, table, tmp_path):
    frames = [table(seed=seed, condition=name) for seed in (1, 2) for name in ("clean", "blur_2", "blur_10")]
    pd.concat(frames).to_csv(tmp_path / "cells.csv", index=False)

    imported("cells.csv", "--dataset", "clinic", "--model", "m")

    found = [(run.tags["arogya.seed"], run.tags["arogya.condition"]) for run in runs()]
    levels = {run.tags["arogya.condition"]: run.tags.get("arogya.severity_level") for run in runs()}
    assert len(set(found)) == 6
    assert levels == {"clean": None, "blur_2": "1", "blur_10": "2"}
    assert {run.tags["arogya.seeded"] for run in runs()} == {"true"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frame: pd.concat([frame, frame[:1]]), "'c0' of a is in line 14 of bad.csv, and already in line 2"),
        (
            lambda frame: frame[:-1],
            "b covers other cases than a: 1 are missing, 0 are added. b has no row for the case",
        ),
        (lambda frame: frame.assign(label=[*frame["label"][:-1], "malignant"]), "'c5' has the label 'malignant' in"),
        (lambda frame: frame.assign(patient=[*frame["patient"][:-1], "p9"]), "'c5' has the group 'p9' in line 13"),
    ],
)
def test_nothing_is_written_of_a_file_with_a_bad_row(imported, runs, table, tmp_path, spoil, message):
    spoil(pd.concat([table(model="a"), table(model="b")])).to_csv(tmp_path / "bad.csv", index=False)

    ended = imported("bad.csv", "--dataset", "clinic")

    assert ended.code == 2
    assert message in ended.err
    assert "Fix:" in ended.err
    assert runs() == []


def test_files_on_other_cases_are_said_to_stand_apart(imported, table, tmp_path):
    table().to_csv(tmp_path / "one.csv", index=False)
    table()[:4].to_csv(tmp_path / "less.csv", index=False)

    imported("one.csv", "--dataset", "clinic", "--model", "m")
    ended = imported("less.csv", "--dataset", "clinic", "--model", "n")

    assert "They stand in a table of their own." in ended.err


def test_intervals_are_logged_with_resamples(store, command, runs, table, tmp_path):
    table().to_csv(tmp_path / "one.csv", index=False)
    options = ("--tracking-uri", store.uri, "--experiment", EXPERIMENT, "--resamples", "100")

    command("import", "one.csv", "--dataset", "clinic", "--model", "m", *options)

    (run,) = runs()
    assert run.metrics["accuracy.ci_low"] < 5 / 6 < run.metrics["accuracy.ci_high"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "No file is given"),
        (("one.csv", "--dataset", "clinic"), "--model"),
        (("one.csv", "--model", "m"), "--dataset NAME"),
        (("on.csv", "--model", "m", "--dataset", "clinic"), "Did you mean 'one.csv'"),
        (("one.csv", "--model", "m", "split.seed=1"), "name no dataset"),
        (("one.csv", "--model", "m", "--dataset", "d", "--label-column", "lable"), "Did you mean 'label'"),
    ],
)
def test_what_is_missing_is_said_with_the_fix(imported, runs, table, tmp_path, words, message):
    table().to_csv(tmp_path / "one.csv", index=False)

    ended = imported(*words)

    assert ended.code == 2
    assert message in ended.err
    assert runs() == []


def test_tables_of_probabilities_leave_out_rows_of_labels(store, imported, tmp_path):
    """Two rows with equal answers, one of which states no probabilities: only the other has calibration and such."""
    rng = np.random.default_rng(0)
    ill = rng.random(60) < 0.5
    positive = np.clip(ill * 0.4 + rng.random(60) * 0.6, 0, 1)
    names = np.array(["benign", "malignant"])
    frame = pd.DataFrame({"case": range(60), "label": names[ill.astype(int)], "site": ["arm", "leg"] * 30})
    frame.assign(p_malignant=positive, p_benign=1 - positive).to_csv(tmp_path / "scores.csv", index=False)
    frame.assign(predicted=names[(positive >= 0.5).astype(int)]).to_csv(tmp_path / "labels.csv", index=False)
    for name in ("scores", "labels"):
        imported(f"{name}.csv", "--dataset", "clinic", "--model", name)

    tables = compared(store)

    def rows(name):
        table = getattr(tables, name)
        return table[table["model"] == "labels"]

    assert rows("per_class")["auroc"].isna().all()
    assert rows("per_class")["sensitivity"].notna().all()
    assert rows("calibration")["slope"].isna().all()
    assert rows("reliability").empty
    assert rows("net_benefit").empty
    assert rows("errors").empty
    assert tables.ensembles.empty
    assert not tables.errors.empty


def test_the_example_of_the_docs_can_be_imported(imported, runs):
    example = Path(__file__).parents[2] / "docs" / "example-predictions.csv"

    ended = imported(example, "--dataset", "example")

    assert ended.code == 0, ended.err
    assert [run.tags["arogya.model"] for run in runs()] == ["logistic", "nearest_on_two"]
