"""Cells that sweeps skipped, among the missing cells of a comparison."""

import json

import pytest

from arogya_bench import compare
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.selection import Selection
from arogya_bench.comparison.verification import verify_tables
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.errors import RequirementMissing, TrackingError
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.sweeps.plan import SweepPlan
from arogya_bench.sweeps.requirements import SkippedJob
from arogya_bench.sweeps.skipped_cells import skipped_items
from arogya_bench.tracking.runs import finish_run, start_run, write_items

SPLIT = SplitPolicy(train=0.2, validation=0.2, test=0.6)  # of the evaluations that `logged` writes


@pytest.fixture
def skip(store, job_of, roster):
    """Log a sweep that skips the cells of a row."""

    def build(name="gemini", problem="There is no key.", **fields):
        planned = prepare(job_of(name, **{"source": roster(), "split": SPLIT, **fields}), check=False)
        reason = RequirementMissing(problem, fix="set it.")
        plan = SweepPlan(jobs=(), finished=frozenset(), skipped=(SkippedJob(planned=planned, reason=reason),))
        sweep = start_run(store, "sweep", {"arogya.kind": "sweep", "arogya.model": name})
        write_items(store, sweep, skipped_items(plan))
        finish_run(store, sweep)
        return sweep

    return build


def told(model="gemini", condition="clean", seed="42", message="There is no key. Fix: set it."):
    return {"model": model, "condition": condition, "seed": seed, "status": "SKIPPED", "message": message}


def cells_of(store):
    (block,) = load_evaluations(store, resamples=2000).blocks
    return [{name: cell[name] for name in told()} for cell in block.missing]


def test_a_row_that_only_was_skipped_is_missing(store, logged, skip):
    logged("prior")
    skip()

    (block,) = load_evaluations(store, resamples=2000).blocks

    assert [dict(cell) for cell in block.missing] == [{**told(), "cause": "RequirementMissing"}]
    assert set(block.row_names.values()) == {"prior", "gemini"}


def test_every_condition_and_seed_that_was_skipped_is_missing(store, logged, skip):
    logged("prior", noise=(0.1,), seed=1)
    skip(noise=(0.1,), seed=1)
    skip(noise=(0.1,), seed=2)

    cells = cells_of(store)

    assert [(cell["condition"], cell["seed"], cell["status"]) for cell in cells] == [
        (condition, seed, "SKIPPED") for condition in ("clean", "gaussian_noise_0.1") for seed in "12"
    ]


def test_a_cell_that_finished_is_not_missing_whenever_it_was_skipped(store, logged, skip):
    skip()
    logged("gemini")
    skip()

    assert cells_of(store) == []


def test_of_a_failure_and_a_skipped_cell_the_later_one_counts(store, logged, skip):
    logged("prior")
    skip()
    logged("gemini", status="FAILED")
    failed = cells_of(store)

    skip()

    assert [cell["status"] for cell in failed] == ["FAILED"]
    assert cells_of(store) == [told()]


def test_of_several_sweeps_the_newest_one_counts(store, logged, skip):
    logged("prior")
    skip(problem="There is no consent.")
    skip(problem="There is no key.")

    assert cells_of(store) == [told()]


def test_other_rows_of_a_finished_model_keep_their_names(store, logged, skip):
    logged("prior")
    skip("gemini", model=OpenCVClassifier(image_size=32))
    skip("gemini", model=OpenCVClassifier(image_size=64))

    assert [cell["model"] for cell in cells_of(store)] == ["gemini (image_size=32)", "gemini (image_size=64)"]


def test_a_skipped_dataset_has_no_result_and_says_why(store, logged, skip, roster):
    logged("prior")
    skip(source=roster(name="other", digest="1" * 32))

    (failed,) = load_evaluations(store, resamples=2000).without_result

    assert failed.dataset == "other"
    assert failed.reason == ("No evaluation finished (1 skipped). RequirementMissing: There is no key. Fix: set it.")
    assert [cell["status"] for cell in failed.missing] == ["SKIPPED"]


def test_an_experiment_of_skipped_cells_says_what_they_lack(store, skip):
    skip(problem="There is no consent.")
    skip(noise=(0.1,))

    with pytest.raises(TrackingError, match=r"0 evaluations in total; 2 cells were skipped: There is no key\)") as none:
        compare("study", tracking_uri=store.uri)

    assert none.value.fix == "set it."


def test_a_filter_selects_the_skipped_cells_of_its_rows(store, logged, skip):
    logged("prior")
    logged("gemini", seed=1)
    skip("gemini", seed=2)
    skip("other")

    def cells(model):
        (block,) = load_evaluations(
            store, selection=Selection(where=f"tags.`arogya.model` = '{model}'"), resamples=2000
        ).blocks
        return [(cell["model"], cell["seed"]) for cell in block.missing]

    assert cells("prior") == []
    assert cells("gemini") == [("gemini", "2")]


def test_a_list_that_is_gone_is_said_to_be_gone(store, logged, skip, tmp_path):
    logged("prior")
    sweep = skip(noise=(0.1,))
    (file,) = (path for path in tmp_path.rglob("skipped.json") if sweep in path.parts)
    assert len(json.loads(file.read_text())) == 2
    file.unlink()

    (cell,) = cells_of(store)

    assert (cell["model"], cell["condition"], cell["status"]) == ("gemini", "all", "SKIPPED")
    assert cell["message"].startswith("2 cells were skipped, and which is not known: Run ")


def test_a_comparison_with_skipped_cells_is_recomputed_after_the_row_was_run(store, logged, skip):
    logged("prior")
    skip()
    compared = compare("study", tracking_uri=store.uri)
    skip("other")
    logged("gemini", draw=1)

    found = verify_tables(compared.to_json(), tracking_uri=store.uri)

    assert list(compared.missing["status"]) == ["SKIPPED"]
    assert found.passed, [each.line for each in found.differences]
