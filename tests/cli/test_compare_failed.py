"""Where every evaluation has failed, ``compare`` writes and logs a report that says so, and ends with an error."""

import json

import pytest
from jsonschema import validate

from arogya_bench import Comparison, compare
from arogya_bench.api import NothingFinished
from arogya_bench.comparison.json_schema import comparison_schema
from arogya_bench.report.verification import verify_file
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import search_runs

FAILURE = {"arogya.error": "MemoryError", "arogya.error_message": "No room for the kernel. Fix: free memory."}
REASON = "No evaluation finished (2 failed). MemoryError: No room for the kernel. Fix: free memory."
ADVICE = "2 failed, the last one so: No room for the kernel).\nFix: free memory; then run the same command again.\n"


@pytest.fixture
def failed(logged, store):
    """A store in which every evaluation failed."""
    for name in ("a", "b"):
        logged(name, status="FAILED", tags=FAILURE)
    return store


def test_a_report_says_that_everything_failed(failed, command_in, tmp_path):
    ended = command_in(tmp_path, "compare", "study", "--tracking-uri", failed.uri, "--out", "out")
    again = command_in(tmp_path, "report", "study", "--tracking-uri", failed.uri, "--out", "again")

    (run,) = search_runs(failed, "tags.`arogya.kind` = 'comparison'")
    assert (ended.code, again.code) == (2, 0)
    assert ended.err.endswith(ADVICE)
    assert REASON in " ".join((tmp_path / "out/report.html").read_text(encoding="utf-8").split())
    assert REASON in " ".join(ended.out.split())
    assert "Primary metric: macro F1. 0 evaluations read" in " ".join(ended.out.split())
    assert run.tags["arogya.verdict"] == REASON
    assert run.tags["mlflow.note.content"].count("MemoryError") == 1
    for file in ("out/comparison.json", "out/report.html", "again/report.html"):
        assert verify_file(tmp_path / file, tracking_uri=failed.uri).passed
    with fetch_artifact(run, "comparison.json", uri=failed.uri) as path:
        validate(json.loads(path.read_text(encoding="utf-8")), comparison_schema())


def test_a_cell_that_finishes_later_does_not_change_what_was_written(failed, logged, tmp_path):
    with pytest.raises(NothingFinished, match="no finished evaluation") as refusal:
        compare("study", tracking_uri=failed.uri)
    refusal.value.comparison.to_json(tmp_path / "comparison.json")
    logged("a")

    assert verify_file(tmp_path / "comparison.json", tracking_uri=failed.uri).passed
    assert Comparison.from_json((tmp_path / "comparison.json").read_text()).about["evaluated_from"] is None
    assert list(compare("study", tracking_uri=failed.uri).leaderboard["model"]) == ["a"]


@pytest.mark.slow
def test_every_format_says_that_everything_failed(failed, command_in, tmp_path):
    command_in(tmp_path, "compare", "study", "--tracking-uri", failed.uri)
    formats = "html,pdf,csv,json,markdown,latex,png,site"

    ended = command_in(tmp_path, "report", "study", "--tracking-uri", failed.uri, "--format", formats, "--out", "all")

    assert ended.code == 0
    assert REASON in " ".join((tmp_path / "all/report.md").read_text(encoding="utf-8").split())
    assert "MemoryError" in (tmp_path / "all/tables/missing.csv").read_text(encoding="utf-8")
