import json
import re
from dataclasses import replace

import pytest
from measurement_runs import SERVER, write_measurement

from arogya_bench.api import Comparison
from arogya_bench.cli.compare import log_comparison, note_missing_letters, run_compare, run_report
from arogya_bench.comparison.table_frames import TABLES, to_table
from arogya_bench.errors import ConfigError, TrackingError, UserError
from arogya_bench.runtime.digests import digest_of
from arogya_bench.tracking import artifacts
from arogya_bench.tracking.runs import get_run, search_runs, start_run
from arogya_bench.tracking.ui_paths import run_path

COMPARISONS = "tags.`arogya.kind` = 'comparison'"


def compare(store, out, **changes):
    options = {"tracking_uri": store.uri, "where": None, "metric": "f1_macro", "out": out}
    return run_compare("study", **{**options, **changes})


def report(store, out, *formats, run_id=None):
    return run_report("study", tracking_uri=store.uri, run_id=run_id, formats=formats, out=out)


@pytest.fixture(scope="module")
def compared(study_folder, transplanted, command_in, tmp_path_factory):
    """A store whose sweep was compared, the folder of the report, and how the command ended."""
    folder = tmp_path_factory.mktemp("compared")
    store = transplanted(study_folder, folder)
    ended = command_in(folder, "compare", "study", "--tracking-uri", store.uri, "--out", "out", "--metric", "mcc")
    return store, folder, ended


def test_a_comparison_is_printed_written_and_logged(compared):
    store, folder, ended = compared

    (run,) = search_runs(store, COMPARISONS)
    assert ended.code == 0
    assert "Leaderboard" in ended.out
    assert run.run_id in ended.err
    assert {path.name for path in (folder / "out").iterdir()} == {"report.html", "comparison.json", "tables"}


def test_the_logged_comparison_holds_what_was_written(compared):
    store, folder, _ = compared

    (run,) = search_runs(store, COMPARISONS)
    for file in ("comparison.json", "tables/verdict.csv"):
        with artifacts.fetch_artifact(run, file, uri=store.uri) as path:
            assert path.read_bytes() == (folder / "out" / file).read_bytes()
    with artifacts.fetch_artifact(run, "report.html", uri=store.uri) as path:
        logged = path.read_text(encoding="utf-8")
    (evaluation,) = search_runs(store, "tags.`arogya.model` = 'opencv' and tags.`arogya.condition` = 'clean'")
    written = (folder / "out" / "report.html").read_text(encoding="utf-8")
    place = run_path(store.experiment_id, evaluation.run_id)
    assert re.search(rf'href="http://127\.0\.0\.1:\d+{re.escape(place)}"', written)
    assert f'href="#run-{evaluation.run_id}"' in logged
    assert "127.0.0.1" not in logged  # what is logged names no machine
    assert run.status == "FINISHED"
    assert run.params == {"metric": "mcc", "evaluations": "6"}
    assert "The test split has 8 patients" in run.tags["arogya.verdict"]


def test_a_report_is_written_again_from_mlflow_alone(compared, tmp_path):
    store, folder, _ = compared

    code = report(store, tmp_path, "html", "json", "csv")

    assert code == 0
    for file in ("report.html", "comparison.json", "tables/leaderboard.csv"):
        assert (tmp_path / file).read_bytes() == (folder / "out" / file).read_bytes()


def test_another_metric_is_another_comparison(compared, comparison):
    _, folder, _ = compared

    by_mcc = Comparison.from_json((folder / "out" / "comparison.json").read_text())

    assert by_mcc.about["key"] != comparison.about["key"]


@pytest.fixture(scope="session")
def bare(comparison):
    """A comparison without rows, whose report is written in no time."""
    failed = {"dataset": "synthetic-60x3", "split": "0", "reason": "No evaluation finished."}
    about = {**comparison.about, "datasets": [], "datasets_without_result": [failed], "measurements": []}
    return replace(comparison, about=about, **{name: to_table(name, []) for name in TABLES})


@pytest.fixture
def log(study, bare):
    """Log a comparison about something, and return its run id."""

    def build(**about):
        changed = replace(bare, about={**bare.about, **about, "key": digest_of(about)})
        return log_comparison(changed, study, parent=None)

    return build


def test_the_same_evidence_is_logged_once(study, log):
    assert log() == log()
    assert log(metric="mcc") != log()

    assert len(search_runs(study, COMPARISONS)) == 2


def test_a_report_in_other_words_is_logged_beside_the_first(study, comparison):
    runs = [log_comparison(other, study, parent=None) for other in (comparison, comparison.with_wording("de"))]

    languages = []
    for run_id in runs:
        with artifacts.fetch_artifact(get_run(study.uri, run_id), "report.html", uri=study.uri) as path:
            languages.append(re.search('<html lang="(..)"', path.read_text(encoding="utf-8")).group(1))
    assert languages == ["en", "de"]


@pytest.mark.slow
def test_a_report_has_the_formats_asked_for(study, tmp_path):
    compare(study, tmp_path / "before")

    report(study, tmp_path / "after", "pdf", "png")

    names = {path.name for path in (tmp_path / "after").iterdir()}
    assert names == {"report.pdf", "figures"}
    assert (tmp_path / "after" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_report_takes_the_newest_comparison_or_the_one_named(study, log, tmp_path):
    first = log()
    log(metric="mcc")

    report(study, tmp_path / "newest", "json")
    report(study, tmp_path / "named", "json", run_id=first)

    assert metric(tmp_path / "newest") == "mcc"
    assert metric(tmp_path / "named") == "f1_macro"


def metric(folder):
    return json.loads((folder / "comparison.json").read_text())["about"]["metric"]


PRIOR_ONLY = "tags.`arogya.model` = 'prior'"


def where_of(folder):
    return json.loads((folder / "comparison.json").read_text())["about"]["where"]


def test_a_filter_is_recorded_in_the_run_of_the_comparison(study, tmp_path, capsys):
    compare(study, tmp_path / "out", where=PRIOR_ONLY)

    (run,) = search_runs(study, COMPARISONS)
    assert run.params["where"] == run.tags["arogya.where"] == PRIOR_ONLY
    assert f"Filter: {PRIOR_ONLY}" in run.tags["mlflow.note.content"]
    assert f"match the filter: {PRIOR_ONLY}." in capsys.readouterr().out.replace("\n", " ")
    assert where_of(tmp_path / "out") == PRIOR_ONLY


def test_a_report_takes_the_newest_comparison_without_a_filter(study, log, tmp_path):
    log()
    log(where=PRIOR_ONLY)

    report(study, tmp_path / "newest", "json")

    assert where_of(tmp_path / "newest") == ""


def test_without_an_unfiltered_comparison_a_report_takes_a_filtered_one_and_says_so(study, log, tmp_path, capsys):
    log(where=PRIOR_ONLY)
    capsys.readouterr()

    report(study, tmp_path / "newest", "json")

    assert where_of(tmp_path / "newest") == PRIOR_ONLY
    message = capsys.readouterr().err
    assert "has no comparison without a filter" in message
    assert PRIOR_ONLY in message


def test_a_filtered_comparison_that_is_named_is_exported(study, log, tmp_path):
    log()
    filtered = log(where=PRIOR_ONLY)

    report(study, tmp_path / "named", "json", run_id=filtered)

    assert where_of(tmp_path / "named") == PRIOR_ONLY


def test_a_filter_longer_than_a_param_is_cut_in_the_param_only(study, log, tmp_path):
    where = f"attributes.run_id IN ({', '.join(map(repr, range(1000)))})"

    run = get_run(study.uri, log(where=where))

    report(study, tmp_path, "json")
    assert len(where) > len(run.params["where"])
    assert where_of(tmp_path) == where


def test_an_unknown_format_names_the_nearest(study, tmp_path):
    with pytest.raises(ConfigError, match=r"'htm'\. Did you mean 'html'\?"):
        report(study, tmp_path / "out", "htm")


def test_a_report_before_any_comparison_names_the_command(study, tmp_path):
    with pytest.raises(TrackingError, match="no comparison yet") as refusal:
        report(study, tmp_path / "out", "html")

    assert "arogya-bench compare study" in refusal.value.fix


def test_a_report_of_another_kind_of_run_is_rejected(study, tmp_path):
    fit = search_runs(study, "tags.`arogya.kind` = 'fit'")[0]

    with pytest.raises(TrackingError, match="is not a comparison but: fit"):
        report(study, tmp_path / "out", "html", run_id=fit.run_id)


def test_a_file_in_place_of_the_folder_is_rejected_before_any_work(tmp_path, store):
    (tmp_path / "out").write_text("not a folder")

    with pytest.raises(UserError, match="is a file, not a folder") as refusal:
        compare(store, tmp_path / "out")

    assert "--out" in refusal.value.fix


@pytest.mark.slow
def test_letters_of_a_report_without_a_font_are_said(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    compare(study, tmp_path / "out")
    text = (tmp_path / "out" / "comparison.json").read_text()
    capsys.readouterr()

    note_missing_letters(Comparison.from_json(text.replace("prior", "größe")))
    assert capsys.readouterr().err == ""
    note_missing_letters(Comparison.from_json(text.replace("prior", "\\ud83e\\udfff")))

    assert "No font of this machine has \U0001fbff: PDF and PNG files may show boxes" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_that_cannot_be_written_is_named(study, tmp_path):
    compare(study, tmp_path / "before")
    (tmp_path / "out" / "report.html").mkdir(parents=True)

    with pytest.raises(UserError, match=r"out/report\.html cannot be written: Is a directory") as refusal:
        report(study, tmp_path / "out", "html")

    assert "--out" in refusal.value.fix


def test_under_mlflow_run_its_experiment_is_compared_and_its_run_gets_the_verdict(
    study, tmp_path, command_in, monkeypatch
):
    parent = start_run(study, "as mlflow run makes it", {})
    monkeypatch.setenv("MLFLOW_RUN_ID", parent)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", study.experiment_id)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", study.uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "")  # put back what the command sets
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")

    not_given = ("--metric", "", "--limits", "", "--prices", "", "--test", "", "--correction", "")
    ended = command_in(tmp_path, "compare", "", *not_given)

    (run,) = search_runs(study, COMPARISONS)
    parent_tags = get_run(study.uri, parent).tags
    assert ended.code == 0
    assert run.tags["mlflow.parentRunId"] == parent
    assert parent_tags["arogya.comparison_run_id"] == run.run_id
    assert parent_tags["mlflow.note.content"] == run.tags["mlflow.note.content"]


MINE = """
name: mine
source: an invoice
valid_from: "2026-09-01"
machines:
  office: {cpus: 4, memory_gb: 32, per_hour: PRICE}
"""


@pytest.fixture
def measure(study):
    """Measure opencv in the finished sweep."""

    def build(**numbers):
        query = "tags.`arogya.condition` = 'clean' and tags.`arogya.model` = 'opencv'"
        (run,) = search_runs(study, query)
        return write_measurement(study, run.tags, **numbers)

    return build


@pytest.fixture
def compare_at(study, command_in, tmp_path):
    """Compare at the price of an hour of the office, and read the cost of opencv back."""

    def build(price, *options):
        (tmp_path / "mine.yaml").write_text(MINE.replace("PRICE", str(price)))
        options = ("compare", "study", "--tracking-uri", study.uri, "--prices", "mine.yaml", *options)
        return command_in(tmp_path, *options)

    return build


def stored_cost(folder):
    rows = json.loads((folder / "reports" / "comparison.json").read_text())["cost"]
    return next(row["cost_per_1k_images_usd"] for row in rows if row["model"] == "opencv")


@pytest.mark.slow
def test_other_prices_recompute_the_cost_and_measure_nothing(study, measure, compare_at, tmp_path):
    measure()

    first = compare_at(0.3)
    before = stored_cost(tmp_path)
    second = compare_at(0.6)

    assert (first.code, second.code) == (0, 0)
    assert stored_cost(tmp_path) == pytest.approx(2 * before)
    assert len(search_runs(study, COMPARISONS)) == 2
    assert len(search_runs(study, "tags.`arogya.kind` = 'measurement'")) == 1


def test_a_named_list_without_the_measured_machine_ends_with_2(measure, compare_at, tmp_path):
    measure(machine=SERVER, threads=16)

    ended = compare_at(0.3)

    assert ended.code == 2
    assert "has no machine with 16 processors" in ended.err
    assert "under machines: mine: {cpus: 16, memory_gb: 3, per_hour: PRICE}" in " ".join(ended.err.split())
    assert not (tmp_path / "reports").exists()


def test_the_default_list_without_the_measured_machine_says_why_there_is_no_cost(study, measure, tmp_path, capsys):
    measure(threads=1000)

    code = compare(study, tmp_path / "out")

    assert code == 0
    assert "no cost: The price list" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--margin", "-0.1"), "The margin -0.1"),
        (("--margin", "nan"), "The margin nan"),
        (("--margin", "much"), "invalid float value"),
    ],
)
def test_a_margin_that_is_none_ends_with_2(compare_at, options, message):
    ended = compare_at(0.3, *options)

    assert ended.code == 2
    assert message in ended.err


def test_a_price_list_that_is_not_there_ends_with_2(study, command_in, tmp_path):
    ended = command_in(tmp_path, "compare", "study", "--tracking-uri", study.uri, "--prices", "none.yaml")

    assert ended.code == 2
    assert "There is no price list none.yaml" in ended.err


def test_a_file_of_literature_that_is_not_there_ends_with_2(study, command_in, tmp_path):
    ended = command_in(tmp_path, "compare", "study", "--tracking-uri", study.uri, "--literature", "none.yaml")

    assert ended.code == 2
    assert "There is no file none.yaml with literature" in ended.err


@pytest.mark.slow
def test_a_report_of_a_measured_comparison_is_written_again(study, measure, tmp_path):
    measure()
    compare(study, tmp_path / "before")

    report(study, tmp_path / "after", "html", "json", "csv")

    for file in ("report.html", "comparison.json", "tables/measurements.csv", "tables/throughput.csv"):
        before, after = (tmp_path / name / file for name in ("before", "after"))
        assert after.read_bytes() == before.read_bytes()
