"""What a report shows of models behind APIs, and that their latency stands beside no local one."""

from dataclasses import replace

import pandas as pd
import pytest
from api_runs import MODEL_ID, TERMS
from rendered import rows, text_of

from arogya_bench.api_models.attempts import ANSWERS_UNTIL_FINAL
from arogya_bench.api_models.calls import Status
from arogya_bench.comparison.pareto import NOT_RANKED
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.report.api_charts import plot_api_times
from arogya_bench.report.content import arrange_report
from arogya_bench.report.document import render_pdf
from arogya_bench.report.page import render_html
from arogya_bench.report.terminal import print_comparison
from arogya_bench.report.wording import UNDEFINED

GEMINI, BLANK, SHUFFLED = "gemini", "gemini+blank", "gemini+shuffled_labels"
API_SECTIONS = ["api", "api-outcomes", "api-times"]
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="session")
def sections(with_apis):
    return sections_of(with_apis)


def sections_of(comparison):
    (dataset,) = arrange_report(comparison).datasets
    return {section.name: section for section in dataset.sections}


def cells_of(section, model):
    (row,) = [row for row in section.rows if model in row]
    return {header: cell.replace("\u00a0", " ") for header, cell in zip(section.headers, row, strict=True)}


def test_each_chapter_has_its_part_of_the_apis(with_apis):
    (dataset,) = arrange_report(with_apis).datasets

    chapters = {section.name: chapter.name for chapter in dataset.chapters for section in chapter.sections}
    assert [chapters[name] for name in API_SECTIONS] == ["overview", "errors", "cost"]


def test_a_comparison_without_an_api_has_none_of_them(comparison):
    assert not {*API_SECTIONS, "cost-front"} & set(sections_of(comparison))
    assert "APIs" not in dict(arrange_report(comparison).methods)


def test_what_was_asked_when_and_of_which_version(sections):
    cells = cells_of(sections["api"], GEMINI)

    assert cells["API"] == "gemini, paid"
    assert cells["model version"] == MODEL_ID
    assert cells["asked (UTC)"] == "2026-11-26 to 2026-11-28"
    assert cells["tokens in / out"] == "1,642 / 194"
    assert cells_of(sections["api"], BLANK)["asked (UTC)"] == "2026-11-28"
    assert any(TERMS in note for note in sections["api"].footnotes)


def test_how_the_answers_ended_with_intervals(sections):
    cells = cells_of(sections["api-outcomes"], GEMINI)

    assert cells["answered"] == "75.0 % [65.7, 82.5]"
    assert cells["without an answer"] == "blocked 20.0 % [13.3, 28.9], truncated 5.0 % [2.2, 11.2]"
    assert float(cells["accuracy if answered"].split()[0]) > float(cells["accuracy"].split()[0])
    assert cells["repeats agree"] == "92 %"
    assert cells_of(sections["api-outcomes"], "medgemma")["without an answer"] == "none"


def test_how_long_an_answer_takes_and_of_what_that_consists(sections):
    cells = cells_of(sections["api-times"], GEMINI)

    assert cells["answers"] == "100"
    assert "p95 (ms)" not in cells  # too few answers
    assert (cells["mean wait (ms)"], cells["+ mean retries (ms)"], cells["retried"]) == ("248", "160", "8 %")
    assert "Not ranked beside local latencies" in sections["api-times"].note


def test_a_row_of_reused_answers_says_why_it_has_no_times(sections):
    assert cells_of(sections["api-times"], SHUFFLED)["p50 (ms)"] == UNDEFINED
    assert any(note.startswith(f"{SHUFFLED}: no latency: every answer") for note in sections["api-times"].footnotes)


def test_the_chart_stacks_the_spans_of_an_answer(sections):
    bars = rows(sections["api-times"].chart, "span")

    assert [bar["span"] for bar in bars if bar["model"] == GEMINI] == ["wait for a turn", "retries", "last attempt"]
    assert SHUFFLED not in {bar["model"] for bar in bars}
    assert next(bar["seconds"] for bar in bars if bar["model"] == GEMINI) == pytest.approx(0.2475)


def test_without_a_time_there_is_no_chart(with_apis):
    reused = with_apis.api.assign(wait_mean_ms=None, retry_mean_ms=None, latency_mean_ms=None)

    assert plot_api_times(to_records(reused)) is None


def test_the_leaderboard_labels_the_latency_of_apis(sections):
    board = sections["leaderboard"]

    assert cells_of(board, GEMINI)["p50 (ms)"] == cells_of(board, BLANK)["p50 (ms)"] == "API"
    assert cells_of(board, "cnn")["p50 (ms)"] == "not measured"
    assert NOT_RANKED in board.note
    assert cells_of(board.brief(), GEMINI)["p50 (ms)"] == "API"


def test_the_leaderboard_has_the_cost_of_an_api_and_none_of_a_control(sections):
    board = sections["leaderboard"]

    assert cells_of(board, GEMINI)["USD/1,000 images"].startswith("0.9")
    assert cells_of(board, BLANK)["USD/1,000 images"] == cells_of(board, "medgemma")["USD/1,000 images"] == UNDEFINED


def front_of(kinds):
    """Rows of the table of fronts: a local model, and one whose kind is given."""
    numbers = {"value.ci_low": 0.7, "value.ci_high": 0.9, "latency_p50_ms": 10.0, "grade": "B", "on_front": True}
    return [
        {"dataset": "synthetic-60x3", "model": name, "kind": kind, "metric": "f1_macro", "value": 0.8, **numbers,
         "latency_p50_ms.ci_low": None, "latency_p50_ms.ci_high": None, "cost_per_1k_images_usd": usd,
         "cost_per_1k_images_usd.ci_low": None, "cost_per_1k_images_usd.ci_high": None, "dominated_by": "",
         "on_cost_front": True, "cost_dominated_by": "", "note": NOT_RANKED if kind == "API" else ""}
        for name, kind, usd in kinds
    ]  # fmt: skip


def test_a_cost_front_is_drawn_where_an_api_has_a_cost(comparison):
    table = pd.DataFrame(front_of([("cnn", "local", 0.001), ("gemini", "API", 0.9)]))

    found = sections_of(replace(comparison, pareto=table))

    assert {point["x"] for point in rows(found["cost-front"].chart, "x_low")} == {0.001, 0.9}
    assert {point["name"] for point in rows(found["pareto"].chart, "x_low")} == {"cnn"}
    assert found["pareto"].footnotes[0] == f"gemini: {NOT_RANKED}."
    assert cells_of(found["pareto"], "gemini")["p50 (ms)"] == "API"


def test_an_api_that_is_not_considered_is_said_not_to_be(comparison):
    rows_of_front = front_of([("cnn", "local", 0.001), ("gemini", "API", 0.9)])
    rows_of_front[1]["note"] += "; it is not shown to be better than guessing"

    found = sections_of(replace(comparison, pareto=pd.DataFrame(rows_of_front)))["pareto"]

    reason = "not considered, since it is not shown to be better than guessing"
    assert found.footnotes[0] == f"gemini: {NOT_RANKED}; {reason}."


@pytest.mark.parametrize("kinds", [[("a", "local", 0.1), ("b", "local", 0.2)], [("gemini", "API", 0.9)]])
def test_no_cost_front_without_an_api_or_with_one_model_alone(comparison, kinds):
    assert "cost-front" not in sections_of(replace(comparison, pareto=pd.DataFrame(front_of(kinds))))


@pytest.mark.slow
def test_page_document_and_terminal_have_the_same_sections(with_apis, sections, capsys):
    page, document = render_html(with_apis), text_of(render_pdf(with_apis))
    print_comparison(with_apis)
    printed = capsys.readouterr().out

    for name in API_SECTIONS:
        assert all(sections[name].title in text for text in (page, document, printed))
    assert all(
        "Research comparison (gemini): the provider forbids" in " ".join(text.split())
        for text in (page, document, printed)
    )


def test_names_that_a_server_gives_itself_are_text(with_apis):
    table = with_apis.api.assign(model_version=EVIL, terms=EVIL, api=EVIL)

    page = render_html(replace(with_apis, api=table))

    assert EVIL not in page
    assert "&lt;img src=x" in page


def test_a_column_of_dates_that_are_all_unknown_is_left_out(with_apis):
    table = with_apis.api.assign(first_asked="", last_asked="")

    assert "asked (UTC)" not in cells_of(sections_of(replace(with_apis, api=table))["api"], GEMINI)


def test_the_methods_say_how_often_apis_are_asked(with_apis):
    method = dict(arrange_report(with_apis).methods)["APIs"]

    assert "model.repeats" in method
    assert "A malformed answer is asked for up to twice more" in method
    assert "cut at its limit of tokens once more, with twice the limit" in method
    assert "An answer that is blocked or refused is final" in method


def test_the_methods_state_the_numbers_of_the_queue():
    """Up to 3 malformed answers, and 2 that are cut, before a case is given up."""
    assert {Status.MALFORMED: 3, Status.TRUNCATED: 2} == ANSWERS_UNTIL_FINAL


def test_ties_are_explained_where_the_column_is_shown(sections):
    outcomes = sections["api-outcomes"]

    assert ("ties" in outcomes.headers, "Ties:" in outcomes.note) == (True, True)
    assert ("ties" in outcomes.brief().headers, "Ties:" in outcomes.brief().note) == (False, False)


def test_controls_are_told_apart_by_their_names(sections):
    assert cells_of(sections["api"], BLANK)["API"] == "gemini, paid, control: blank"
    assert cells_of(sections["api"], SHUFFLED)["API"] == "gemini, paid, control: shuffled labels"


def test_skipped_cells_are_explained(incomplete):
    skipped = incomplete.missing.assign(
        status="SKIPPED", cause="RequirementMissing", message="GEMINI_API_KEY is not set"
    )

    found = sections_of(replace(incomplete, missing=skipped))["missing"]

    assert "SKIPPED: the sweep had no key" in found.note
    assert "SKIPPED" not in sections_of(incomplete)["missing"].note
