"""``arogya-bench verify`` recomputes what a file says and names what differs."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from measurement_runs import write_measurement

from arogya_bench import compare
from arogya_bench.cli.main import main
from arogya_bench.comparison.verification import verify_tables
from arogya_bench.errors import ConfigError, TrackingError
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList, TokenPrice
from arogya_bench.report.page import render_html
from arogya_bench.report.page_verification import verify_page
from arogya_bench.report.verification import verify_file
from arogya_bench.tracking.runs import finish_run, search_runs, set_tag

LIMITS = {
    "limits": {"accuracy": {"at_least": 0.2}, "licence": {"commercial": True, "allowed": ["b"]}},
    "margin": 0.05,
    "threshold_probabilities": [0.1, 0.4],
}
PUBLISHED = [
    {
        "model": "X",
        "dataset": "roster",
        "metric": "accuracy",
        "value": 0.9,
        "source": "table 3",
        "caveat": "other split",
    }
]
PRICES = PriceList(
    name="mine",
    source="an invoice",
    valid_from="2026-01-01",
    valid_to="2026-01-31",
    currency="EUR",
    usd_per_unit=1.1,
    machines={"office": Machine(cpus=4, memory_gb=32, per_hour=0.3)},
    api={"opencv": ApiPrice(per_1k_images=2.0)},
    tokens={"some": [TokenPrice(input_per_million=1.0, output_per_million=2.0)]},
)


@pytest.fixture
def rewritten(comparison):
    """The comparison of the finished sweep as JSON, after a change."""

    def build(change):
        stored = json.loads(comparison.to_json())
        change(stored)
        return json.dumps(stored)

    return build


def lines(verification):
    return [difference.line for difference in verification.differences]


def test_every_number_that_was_changed_and_every_run_that_was_swapped_is_named(rewritten, finished):
    def change(stored):
        first, second = stored["leaderboard"]
        second["f1_macro"] += 0.001
        first["run_ids"], second["run_ids"] = second["run_ids"], first["run_ids"]
        stored["about"]["alpha"] = 0.01
        stored["robustness"][0]["value.ci_low"] = None
        stored["pairwise"].clear()

    found = verify_tables(rewritten(change), tracking_uri=finished.uri)

    assert not found.passed
    assert [(each.table, each.row, each.column) for each in found.differences] == [
        ("about", "", "alpha"),
        ("leaderboard", "synthetic-60x3, opencv", "run_ids"),
        ("leaderboard", "synthetic-60x3, prior", "f1_macro"),
        ("leaderboard", "synthetic-60x3, prior", "run_ids"),
        ("pairwise", "synthetic-60x3, opencv, prior", ""),
        ("robustness", "synthetic-60x3, opencv, gaussian_noise_0.1", "value.ci_low"),
    ]


@pytest.mark.slow
def test_two_runs_whose_files_were_swapped_are_found(study):
    text = compare("study", tracking_uri=study.uri).to_json()
    one, other = (Path(run.artifact_uri) for run in search_runs(study, "tags.`arogya.condition` = 'clean'"))
    kept = one.with_name("kept")
    one.rename(kept)
    other.rename(one)
    kept.rename(other)

    assert not verify_tables(text, tracking_uri=study.uri).passed


def test_a_run_that_was_deleted_is_named(study):
    text = compare("study", tracking_uri=study.uri).to_json()
    run = search_runs(study, "tags.`arogya.model` = 'prior' and tags.`arogya.condition` = 'clean'")[0]
    study.client.delete_run(run.run_id)

    found = verify_tables(text, tracking_uri=study.uri)

    assert not found.passed
    assert f"The evaluation {run.run_id} ({run.name}) that the comparison read was deleted" in found.problems[0]
    assert len(found.problems) == 1


@pytest.mark.slow
def test_files_of_a_run_that_are_gone_are_named(study):
    text = compare("study", tracking_uri=study.uri).to_json()
    run = search_runs(study, "tags.`arogya.condition` = 'clean'")[0]
    shutil.rmtree(run.artifact_uri)

    found = verify_tables(text, tracking_uri=study.uri)

    assert run.run_id in found.problems[0]


@pytest.mark.slow
def test_a_damaged_prediction_table_is_a_problem_and_no_crash(study):
    text = compare("study", tracking_uri=study.uri).to_json()
    run = search_runs(study, "tags.`arogya.condition` = 'clean'")[0]
    Path(run.artifact_uri, "predictions.parquet").write_bytes(b"PAR1 nothing PAR1")

    found = verify_tables(text, tracking_uri=study.uri)

    assert "damaged" in found.problems[0]


@pytest.mark.slow
def test_everything_that_was_asked_for_is_asked_again(logged, store):
    """Limits, prices, numbers of publications, a filter and a test are in the file."""
    for draw, name in enumerate("abc"):
        logged(name, draw=draw, skill=3.0 - draw)
    asked = compare(
        "study",
        tracking_uri=store.uri,
        where="tags.`arogya.model` != 'c'",
        limits=LIMITS,
        literature=PUBLISHED,
        test="wilcoxon",
        metric="accuracy",
        variants="all",
    )

    found = verify_tables(asked.to_json(), tracking_uri=store.uri)

    assert found.differences == ()
    assert list(asked.literature["model"]) == ["X"]


@pytest.mark.slow
def test_prices_and_measurements_are_read_again(study):
    """A list of one's own, in euros, which has expired."""
    for run in search_runs(study, "tags.`arogya.condition` = 'clean'"):
        write_measurement(study, run.tags)
    asked = compare("study", tracking_uri=study.uri, prices=PRICES)

    found = verify_tables(asked.to_json(), tracking_uri=study.uri)

    assert found.passed, lines(found)
    assert asked.cost["assumption"].str.contains("these prices expired").all()
    assert asked.about["request"]["prices"]["day"] == "2026-02-01"


def test_runs_that_came_later_change_nothing(logged, store):
    """A further seed, a measurement of the future, and a failed run that was resumed and finished."""
    logged("a", skill=2.0)
    failed = logged("b", draw=1, status="FAILED", tags={"arogya.error": "MemoryError", "arogya.error_message": "no\nx"})
    text = compare("study", tracking_uri=store.uri).to_json()
    logged("a", skill=0.1, draw=4)
    logged("c", draw=5)
    set_tag(store, failed, "arogya.error", "")
    finish_run(store, failed)

    found = verify_tables(text, tracking_uri=store.uri)

    assert found.passed, lines(found)
    assert json.loads(text)["missing"][0]["cause"] == "MemoryError"


def test_a_comparison_of_an_earlier_version_is_compared_as_far_as_it_goes(rewritten, finished):
    def change(stored):
        del stored["about"]["request"]
        del stored["degradation"]
        stored["leaderboard"][0]["f1_macro"] = 0.5

    found = verify_tables(rewritten(change), tracking_uri=finished.uri)

    assert [(each.table, each.column) for each in found.differences] == [("leaderboard", "f1_macro")]
    assert "does not say which runs it read" in found.notes[1]
    assert "table verdict" in found.left_out


def test_what_another_version_says_and_nobody_recomputed_is_not_verified(rewritten, finished, tmp_path, capsys):
    def change(stored):
        stored["about"]["version"] = "0.0.9"
        stored["pairwise"] = []
        for row in stored["leaderboard"]:
            row["f1_Macro"] = row.pop("f1_macro")

    path = tmp_path / "comparison.json"
    path.write_text(rewritten(change))
    code = main(["verify", str(path), "--tracking-uri", finished.uri])

    told = " ".join(capsys.readouterr().err.split())
    assert code == 1
    assert "NOT verified: 1 difference; not compared: leaderboard.f1_Macro." in told
    assert "pairwise, synthetic-60x3, opencv, prior: printed no such row, recomputed a row" in told


@pytest.mark.parametrize(
    "change",
    [
        {"leaderboard": {"a": 1}},
        {"leaderboard": [1, 2]},
        {"about": {"experiments": []}},
        {"about": {"experiments": ["study"], "request": "x"}},
        {"about": {"experiments": ["study"], "request": {"metric": "f1_macro", "options": "x"}}},
    ],
)
def test_a_comparison_of_another_shape_is_refused(rewritten, finished, change):
    with pytest.raises(ConfigError, match="The file is no comparison"):
        verify_tables(rewritten(lambda stored: stored.update(change)), tracking_uri=finished.uri)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comparison.json", b"{"),
        ("comparison.json", b"[1]"),
        ("comparison.json", b'{"about": {"experiments": ["study"], "experiments": []}}'),
        ("report.html", b"<!doctype html><html></html>"),
        ("report.pdf", b"%PDF-1.7"),
        ("comparison.json", b"\xff\xfe\x00"),
        ("absent.json", None),
    ],
)
def test_a_file_that_is_no_comparison_is_refused(tmp_path, finished, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigError):
        verify_file(tmp_path / name, tracking_uri=finished.uri)


def test_a_store_without_the_experiment_is_refused(comparison, store, tmp_path):
    stored = comparison.to_json().replace('"study"', '"elsewhere"')

    with pytest.raises(TrackingError, match="elsewhere"):
        verify_tables(stored, tracking_uri=store.uri)


def test_the_command_says_what_it_did_and_exits_with_its_finding(comparison, finished, tmp_path, capsys):
    path = tmp_path / "comparison.json"
    comparison.to_json(path)
    verified = main(["verify", str(path), "--tracking-uri", finished.uri])
    told = capsys.readouterr().err
    path.write_text(path.read_text().replace('"groups": 8', '"groups": 18'))
    refused = main(["verify", str(path), "--tracking-uri", finished.uri])
    errors = capsys.readouterr().err

    assert (verified, refused) == (0, 1)
    assert "Verified: " in told
    assert "numbers of" in told
    assert "6 evaluations, 2 fits" in told
    assert "NOT verified: " in errors
    assert "  leaderboard, synthetic-60x3, opencv, groups: printed 18, recomputed 8\n" in errors
    assert main(["verify", str(tmp_path / "absent.json"), "--tracking-uri", finished.uri]) == 2


@pytest.fixture
def almost_equal(study):
    """A store in which one probability was changed by less than a printed digit, and what was written before."""
    compared = compare("study", tracking_uri=study.uri)
    run = search_runs(study, "tags.`arogya.condition` = 'clean' and tags.`arogya.model` = 'opencv'")[0]
    path = Path(run.artifact_uri, "predictions.parquet")
    table = pd.read_parquet(path)
    column = next(name for name in table if table[name].dtype == float)
    table.loc[0, column] *= 1 + 1e-12
    table.to_parquet(path)
    return study.uri, compared, run.run_id


def test_one_probability_that_changes_no_printed_digit_is_found(almost_equal):
    uri, compared, _ = almost_equal

    (found,) = verify_tables(compared.to_json(), tracking_uri=uri).differences

    assert (found.table, found.row, found.column) == ("runs", "synthetic-60x3, opencv, clean", "digest")


@pytest.mark.slow
def test_such_a_probability_is_found_behind_a_page(almost_equal):
    uri, compared, run_id = almost_equal

    found = verify_page(render_html(compared), tracking_uri=uri)

    assert f"embedded digests, {run_id}" in [each.line.partition(":")[0] for each in found.differences]
