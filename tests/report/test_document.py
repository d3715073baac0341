from io import BytesIO

import pytest
from pypdf import PdfReader
from rendered import text_of

from arogya_bench.report.document import render_pdf


@pytest.fixture(scope="session")
def document(comparison):
    return render_pdf(comparison)


@pytest.fixture(scope="session")
def text(document):
    return text_of(document)


def test_the_pdf_has_title_and_verdict(text, comparison):
    assert "Model comparison: study" in text
    assert comparison.verdict["models"].iloc[0] in text


def test_the_pdf_has_every_section(text):
    for title in ("Leaderboard on clean images", "Pairwise comparison", "Robustness to image degradation"):
        assert title in text


def test_the_pdf_explains_the_methods(text, comparison):
    assert "10,000 resamples" in text
    assert comparison.about["key"] in text.replace("\n", "")


def test_the_pdf_has_page_numbers(document, text):
    assert f"1 / {len(PdfReader(BytesIO(document)).pages)}" in text


def test_markup_in_a_name_is_text(renamed):
    assert "#panic" in text_of(render_pdf(renamed("opencv", "#panic(1) *bold* $x$")))


def test_missing_cells_are_printed(incomplete):
    assert "MemoryError" in text_of(render_pdf(incomplete))


def test_a_dataset_without_patients_has_a_caveat(twofold, text):
    assert "does not identify patients" in text_of(render_pdf(twofold)).replace("\n", " ")
    assert "does not identify patients" not in text.replace("\n", " ")


def test_a_filter_is_stated(filtered, text):
    assert "match the filter: tags.`arogya.seed` = '42'." in text_of(render_pdf(filtered)).replace("\n", " ")
    assert "match the filter" not in text.replace("\n", " ")
