"""A report tells a loss from images that are harder to read from a loss from answers that failed."""

from dataclasses import replace

import pytest
from api_runs import UNDER_NOISE

from arogya_bench.report.content import arrange_report
from arogya_bench.report.page import render_html
from arogya_bench.report.terminal import print_comparison


def sections_of(comparison):
    (dataset,) = arrange_report(comparison).datasets
    return {section.name: section for section in dataset.sections}


@pytest.fixture(scope="session")
def sections(degraded):
    return sections_of(degraded)


def plain(text):
    return text.replace("\u00a0", " ")


def test_each_condition_has_its_rates(sections):
    section = sections["api-conditions"]

    assert section.headers == [
        "model", "condition", "answered", "without an answer", "accuracy", "accuracy if answered", "runs",
    ]  # fmt: skip
    assert [row[1] for row in section.rows] == ["clean", *UNDER_NOISE]
    answered, failed = (plain(cell) for cell in section.rows[2][2:4])
    assert answered.startswith("40.0 % [")
    assert failed.startswith("blocked 20.0 % [")
    assert ", refused 40.0 % [" in failed


def test_models_that_always_answer_and_controls_take_no_rows(sections):
    assert {row[0] for row in sections["api-conditions"].rows} == {"gemini"}


def test_the_robustness_table_names_the_worst_condition_of_every_api(sections):
    gemini, own, *_ = map(plain, sections["robustness"].footnotes)

    assert gemini.startswith(
        "gemini: without an answer, which counts as wrong: 5.0 % of the clean cases, at most 60.0 % under a condition "
        f"({UNDER_NOISE[1]}: blocked 20.0 % ["
    )
    assert own == "medgemma: every case was answered, on clean images and under every condition."


def test_a_model_that_fails_on_clean_images_only_is_said_to(degraded):
    table = degraded.api_outcomes
    noisy = (table["model"] == "gemini") & (table["condition"] == UNDER_NOISE[1])

    found = sections_of(replace(degraded, api_outcomes=table[~noisy]))

    assert plain(found["robustness"].footnotes[0]).endswith("5.0 % of the clean cases, none under any other condition.")


def test_ways_of_failing_that_are_not_known_are_left_out(degraded):
    unknown = degraded.api_outcomes.assign(blocked_rate=None)

    found = sections_of(replace(degraded, api_outcomes=unknown))

    assert plain(found["robustness"].footnotes[0]).endswith(f"at most 60.0 % under a condition ({UNDER_NOISE[1]}).")
    assert len(found["api-conditions"].headers) == len(sections_of(degraded)["api-conditions"].headers) - 1


def test_clean_images_alone_have_no_table_of_conditions(degraded):
    table = degraded.api_outcomes

    found = sections_of(replace(degraded, api_outcomes=table[table["condition"] == "clean"]))

    assert "api-conditions" not in found
    assert not any("without an answer" in note for note in found["robustness"].footnotes)


def test_the_page_has_the_table_and_the_terminal_the_footnote(degraded, sections, capsys):
    page = render_html(degraded)
    print_comparison(degraded)
    printed = plain(" ".join(capsys.readouterr().out.split()))

    assert sections["api-conditions"].title in page
    assert sections["api-conditions"].title not in printed
    assert "medgemma: every case was answered" in printed
    assert "5.0 % of the clean cases" in printed
