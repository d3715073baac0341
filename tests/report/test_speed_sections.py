"""What a report shows of speed, memory and cost, and how it marks what was measured under bad conditions."""

import re
from dataclasses import replace

import pytest
from rendered import text_of

from arogya_bench.comparison.table_frames import MEASURED_TABLES, to_table
from arogya_bench.report.columns import GREY, MARKED
from arogya_bench.report.content import arrange_report
from arogya_bench.report.document import render_pdf
from arogya_bench.report.page import render_html
from arogya_bench.report.terminal import print_comparison

SPEED_SECTIONS = ["recommendations", "pareto", "speed", "throughput", "cost"]


@pytest.fixture(scope="session")
def sections(measured):
    (dataset,) = arrange_report(measured).datasets
    return {section.name: section for section in dataset.sections}


def cells_of(section, model):
    (row,) = [row for row in section.cells if row[0].text == model]
    return dict(zip(section.headers, row, strict=True))


def graded(comparison, grade):
    """The comparison with another grade everywhere."""
    tables = {
        name: getattr(comparison, name).assign(**{column: grade})
        for name, column in (("leaderboard", "latency_grade"), ("measurements", "grade"), ("throughput", "grade"),
                             ("cost", "grade"), ("pareto", "grade"))
    }  # fmt: skip
    return replace(comparison, **tables)


def test_measured_sections_are_in_order(measured):
    (dataset,) = arrange_report(measured).datasets

    named = [section.name for section in dataset.sections if section.name in SPEED_SECTIONS]
    assert named == SPEED_SECTIONS


def test_without_a_measurement_one_line_says_how_to_measure(comparison):
    (dataset,) = arrange_report(comparison).datasets

    names = [section.name for section in dataset.sections]
    assert not set(SPEED_SECTIONS) & set(names)
    assert any("arogya-bench measure" in note for note in dataset.sections[0].footnotes)
    assert [term for term, _ in arrange_report(comparison).methods].count("Not measured") == 1


def test_the_leaderboard_has_latency_with_bounds_and_grade(sections):
    columns = sections["leaderboard"].headers
    by_model = {row[1].text: dict(zip(columns, row, strict=True)) for row in sections["leaderboard"].cells}

    assert by_model["opencv"]["p50 (ms)"].text == "10.0 [9.8, 10.2] B"
    assert by_model["opencv"]["p50 (ms)"].tone == ""
    assert by_model["prior"]["p50 (ms)"].text == "0.500 [0.490, 0.510] D"
    assert by_model["prior"]["p50 (ms)"].tone == by_model["prior"]["USD/1,000 images"].tone == GREY


def test_a_percentile_with_too_few_requests_says_how_many_there_are(sections):
    assert cells_of(sections["speed"], "opencv")["p99 (ms)"].text == "n/a (n=200)"
    assert cells_of(sections["speed"], "prior")["p99 (ms)"].text == "0.800 [0.784, 0.816] D"
    assert any("p99 needs 662" in note for note in sections["speed"].footnotes)


def test_the_logged_model_has_a_latency_of_its_own(sections):
    cells = cells_of(sections["speed"], "opencv")

    assert cells["pyfunc p50 (ms)"].text == "13.0 B"
    assert cells_of(sections["speed"], "prior")["pyfunc p50 (ms)"].tone == GREY


def test_the_server_scenario_is_shown_where_it_was_measured(measured, sections):
    assert "server (images/s)" not in sections["speed"].headers
    rows = measured.measurements.assign(server_rate_img_s=40.0, server_limit_ms=100.0)

    (dataset,) = arrange_report(replace(measured, measurements=rows)).datasets

    (speed,) = [section for section in dataset.sections if section.name == "speed"]
    assert cells_of(speed, "opencv")["server (images/s)"].text == "40.0"
    assert "p99 of at most 100 ms" in speed.note


def test_the_device_is_a_column_where_devices_differ(measured, sections):
    assert "device" not in sections["speed"].headers
    rows = measured.measurements.assign(device=["cuda:0", "cpu"])
    facts = [{**entry, "device": "cuda:0, cpu"} for entry in measured.about["measurements"]]

    mixed = replace(measured, measurements=rows, about={**measured.about, "measurements": facts})
    (dataset,) = arrange_report(mixed).datasets

    (speed,) = [section for section in dataset.sections if section.name == "speed"]
    assert [row[1].text for row in speed.cells] == ["cuda:0", "cpu"]
    assert "(devices cuda:0, cpu; protocol quick)" in speed.note


def test_the_footnotes_give_the_reasons_of_grades_and_gaps(sections):
    notes = " ".join(sections["speed"].footnotes)

    assert "prior: grade D: throttled for 3 s." in notes
    assert "opencv: grade B: idle, recorded." in notes
    assert "no energy_wh_per_1k_images: no counter of energy on this machine" in notes


def test_the_ratio_to_the_first_model_is_grey_with_its_grade(sections):
    first = sections["leaderboard"].rows[0][1]
    other = "prior" if first == "opencv" else "opencv"

    cell = cells_of(sections["speed"], other)[f"p50 / {first}"]

    assert cell.tone == GREY
    ratio = 0.05 if other == "prior" else 20.0
    assert float(cell.text.split()[0]) == pytest.approx(ratio, rel=0.02)


def test_a_batch_that_ran_out_of_memory_is_a_result(sections):
    cells = cells_of(sections["throughput"], "opencv")

    assert cells["images/s at batch 128"].text == "out of memory"
    assert cells["fits in"].text == "1.5 GB at batch 64; no memory at batch 128"
    assert "opencv at batch 128: out of memory; batch 128 needs more than 24 GB." in sections["throughput"].footnotes


def test_the_cost_names_its_assumption_and_the_api(sections):
    names = [row[0].text for row in sections["cost"].cells]

    assert names[-1] == "gemini (API)"
    assert any("office at 0.3 EUR an hour" in note for note in sections["cost"].footnotes)


def test_batch_sizes_are_recommended_for_models_on_a_front_only(sections):
    shown = [row[1] for row in sections["recommendations"].rows]

    assert shown == ["Take opencv.", "opencv: batch 8"]
    assert "up to 0.02 worse" in sections["recommendations"].note


@pytest.mark.parametrize(("grade", "tone"), [("A", ""), ("B", ""), ("C", MARKED), ("D", GREY), ("", GREY), ("E", GREY)])
def test_only_good_grades_look_good(measured, grade, tone):
    (dataset,) = arrange_report(graded(measured, grade)).datasets
    found = {section.name: section for section in dataset.sections}

    latency = cells_of(found["speed"], "opencv")["p50 (ms)"]
    assert latency.tone == tone
    assert latency.text.endswith(grade or "(no grade)")
    assert cells_of(found["throughput"], "opencv")["images/s at batch 8"].tone == tone
    assert cells_of(found["cost"], "opencv")["USD/1,000 images"].tone == tone


def test_the_page_greys_a_bad_latency_and_marks_a_doubtful_one(measured):
    bad, doubtful = render_html(measured), render_html(graded(measured, "C"))

    assert re.search(r'<td class="grey n"[^>]*>0\.500 \[0\.490, 0\.510\] D</td>', bad)
    assert re.search(r'<td class="marked n"[^>]*>10\.0 \[9\.8, 10\.2\] C</td>', doubtful)


def test_the_terminal_puts_a_bad_latency_in_brackets(measured, capsys):
    print_comparison(measured)

    text = capsys.readouterr().out
    assert "(0.500 D)" in text
    assert "10.0 B" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.slow
def test_the_pdf_has_every_measured_section_and_is_not_the_same_without_grey(measured):
    document = render_pdf(measured)

    text = text_of(document).replace("\n", " ")
    for title in ("Speed, memory and cost", "Throughput by batch size", "Cost of 1,000 images", "Recommendations"):
        assert title in text
    assert document != render_pdf(graded(measured, "A"))


def test_the_methods_say_what_a_latency_is_and_at_which_prices(measured):
    methods = dict(arrange_report(measured).methods)

    assert "end to end" in methods["Latency"]
    assert "AMD Ryzen 7, 2 cores, 24 GB, no GPU, device cpu" in methods["Machine"]
    assert "mine, in EUR (1 EUR = 1.1 USD), from 2026-09-01: an invoice" in methods["Prices"]


def test_a_caveat_on_measurements_stands_with_the_others(measured):
    facts = [{**entry, "caveats": ["Measured elsewhere."]} for entry in measured.about["measurements"]]

    (dataset,) = arrange_report(replace(measured, about={**measured.about, "measurements": facts})).datasets

    assert dataset.caveats[-1] == "Measured elsewhere."


def test_a_comparison_with_empty_measured_tables_is_shown(measured):
    empty = {name: to_table(name, []) for name in MEASURED_TABLES}

    (dataset,) = arrange_report(replace(measured, **empty)).datasets

    assert not set(SPEED_SECTIONS) & {section.name for section in dataset.sections}
