from arogya_bench import compare
from arogya_bench.comparison.recorded_runs import RecordedRuns
from arogya_bench.tracking.runs import finish_run, search_runs, set_tag

FAILURE = {"arogya.error": "MemoryError", "arogya.error_message": "no room\nfor the kernel"}


def test_a_comparison_names_every_run_that_it_read(comparison, finished):
    evaluations = search_runs(finished, "tags.`arogya.kind` = 'evaluation'")

    runs = comparison.about["request"]["runs"]

    assert sorted(runs["evaluation"]) == sorted(run.run_id for run in evaluations)
    assert set(runs["fit"]) == {run.tags["arogya.fit_run_id"] for run in evaluations}
    assert comparison.about["request"]["unfinished"] == []


def test_a_filter_leaves_runs_out_of_the_record(logged, store):
    kept, _ = logged("a"), logged("b", draw=1)

    found = compare("study", tracking_uri=store.uri, where="tags.`arogya.model` = 'a'")

    assert found.about["request"]["runs"] == {"evaluation": [kept]}


def test_a_run_that_finished_later_is_restored_as_it_was_read(logged, store):
    logged("a")
    failed = logged("b", draw=1, status="FAILED", tags=FAILURE)
    recorded = RecordedRuns.from_record(compare("study", tracking_uri=store.uri).about["request"])
    (before,) = search_runs(store, f"attributes.run_id = '{failed}'")
    set_tag(store, failed, "arogya.error", "TimeoutError")
    finish_run(store, failed)
    (after,) = search_runs(store, f"attributes.run_id = '{failed}'")

    (restored,) = recorded.restrict([after])

    assert after.status == "FINISHED"
    assert restored.status == "FAILED"
    assert restored.tags["arogya.error"] == before.tags["arogya.error"] == "MemoryError"
    assert restored.tags["arogya.error_message"] == "no room"
