"""Rows have readable names, also those whose every run failed."""

from dataclasses import dataclass, field

import pytest

from arogya_bench.comparison.row_names import row_names
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.runtime.digests import digest_of
from arogya_bench.tracking.runs import search_runs


def svm(cost):
    return OpenCVClassifier(image_size=32, C=cost)


@pytest.fixture
def names(store):
    def of():
        return list(row_names(search_runs(store, "tags.`arogya.kind` = 'evaluation'")).values())

    return of


def forget_params(store, name="svm"):
    """Remove the tag that runs of earlier versions do not have."""
    for run in search_runs(store, f"tags.`arogya.model` = '{name}'"):
        store.client.delete_tag(run.run_id, "arogya.model_params")


def test_a_failed_row_is_named_by_the_params_that_differ(logged, names):
    logged("svm", model=svm(1.0))
    logged("svm", model=svm(10.0), status="FAILED")

    assert names() == ["svm (C=1.0)", "svm (C=10.0)"]


def test_rows_that_all_failed_are_named_by_the_params_that_differ(logged, names):
    logged("svm", model=svm(1.0), status="FAILED")
    logged("svm", model=svm(10.0), training_name="quick", status="KILLED")

    assert names() == ["svm (C=1.0, training=standard)", "svm (C=10.0, training=quick)"]


def test_a_single_failed_row_has_the_name_of_its_model(logged, names):
    logged("svm", model=svm(1.0), status="FAILED")

    assert names() == ["svm"]


def test_a_failed_row_of_an_earlier_version_is_numbered_and_the_others_stay_readable(logged, store, names):
    logged("svm", model=svm(1.0))
    logged("svm", model=svm(10.0), status="FAILED")
    forget_params(store)

    assert names() == ["svm", "svm #2"]


@dataclass(frozen=True, kw_only=True)
class Checkpoint(OpenCVClassifier):
    adapter_name = "test_checkpoint"
    adapter_version = 1
    weights: str = "none"
    content: str = field(default="", metadata={"identity": False})

    def fingerprint(self):
        return digest_of({"content": self.content})


def test_no_name_holds_a_digest(logged, names, tmp_path):
    """Neither of the files of a model that no param names, nor of a file of weights."""
    (tmp_path / "last.pt").write_bytes(b"learned")
    for changes in ({}, {"content": "other"}, {"weights": str(tmp_path / "last.pt")}):
        logged("net", model=Checkpoint(image_size=32, **changes))

    assert names() == ["net (weights=none)", "net (weights=none) #2", "net (weights=file)"]


def test_params_too_long_for_a_tag_are_ignored(logged, store, names):
    logged("svm", model=svm(1.0))
    failed = logged("svm", model=svm(10.0), status="FAILED")
    store.client.set_tag(failed, "arogya.model_params", '{"model.C": "10.0 \u2026 (cut)')

    assert names()[0] == "svm"


def test_missing_cells_of_a_failed_row_have_its_name(logged, store):
    from arogya_bench import compare

    logged("svm", model=svm(1.0))
    logged("svm", model=svm(10.0), status="FAILED", tags={"arogya.error": "MemoryError"})

    comparison = compare("study", tracking_uri=store.uri)

    assert list(comparison.missing["model"]) == ["svm (C=10.0)"]
    assert list(comparison.leaderboard["model"]) == ["svm (C=1.0)"]


def test_a_model_with_controls_keeps_its_plain_name(api_study, names):
    study = api_study()
    study.hosted()
    study.hosted(control="blank")
    study.hosted(control="shuffled_labels")

    assert names() == ["gemini", "gemini+blank", "gemini+shuffled_labels"]
