import re

import pytest

from arogya_bench.report.page import render_html
from arogya_bench.report.wording import UNDEFINED

EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="session")
def page(comparison):
    return render_html(comparison)


def test_the_page_needs_no_network(page):
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?\s*(?:https?:)?//", page)
    assert "@import" not in page
    assert not re.findall(r"url\(\s*[\"']?http", page)


def test_the_page_runs_no_script(page):
    assert "<script" not in page


def test_the_page_has_the_verdict_and_every_model(page, comparison):
    assert comparison.verdict["reason"].iloc[0] in page
    for model in ("prior", "opencv"):
        assert f"<td>{model}</td>" in page


def test_the_page_has_a_figure_for_each_chart(page):
    assert page.count("<figure>") == page.count("<svg") == 5


def test_a_malicious_name_of_a_model_is_text(renamed):
    text = render_html(renamed("opencv", EVIL))

    assert EVIL not in text
    assert "&lt;script&gt;" in text


def test_a_malicious_name_of_an_experiment_is_text(comparison):
    from dataclasses import replace

    text = render_html(replace(comparison, about={**comparison.about, "experiment": EVIL}))

    assert EVIL not in text


def test_undefined_numbers_are_dashes(undefined):
    text = render_html(undefined)

    assert f"<td>{UNDEFINED}</td>" in text
    assert not re.findall(r"<td>(?:nan|None|null)</td>", text)


def test_missing_cells_are_listed_with_their_cause(incomplete):
    text = render_html(incomplete)

    assert "<td>MemoryError</td>" in text
    assert "<td>resnet50</td>" in text


def test_a_dataset_without_patients_has_a_caveat_once(twofold, page):
    assert render_html(twofold).count("The dataset does not identify patients") == 1
    assert "The dataset does not identify patients" not in page


def test_a_condition_without_severity_does_not_stop_the_page(ungraded):
    assert "<td>mirrored</td>" in render_html(ungraded)


def test_the_same_comparison_gives_the_same_page(page, comparison):
    assert render_html(comparison) == page


def test_a_filter_is_stated_before_the_verdict(filtered, page):
    text = render_html(filtered)

    assert "match the filter: tags.`arogya.seed` = &#39;42&#39;." in text[: text.index('class="verdict')]
    assert "match the filter" not in page
