"""A page is verified text by text, and whatever was changed in it is named."""

import json
import re
from dataclasses import replace

import pytest

from arogya_bench import compare
from arogya_bench.errors import ConfigError
from arogya_bench.report.embedded import embed, read_embedded
from arogya_bench.report.page import render_html
from arogya_bench.report.page_verification import compare_pages, verify_page


@pytest.fixture(scope="session")
def page(comparison):
    return render_html(comparison)


def differences(page, changed):
    return compare_pages(changed, page, same_charts=True)


def test_a_page_that_nobody_changed_is_verified(page, finished):
    found = verify_page(page, tracking_uri=finished.uri)

    assert found.passed, [each.line for each in found.differences[:5]]
    assert "The prediction tables of 6 runs were compared by digest." in found.checked


@pytest.mark.slow
def test_a_page_whose_number_was_changed_is_not_verified(page, finished):
    changed = page.replace('"alpha":0.05', '"alpha":0.01')

    found = verify_page(changed, tracking_uri=finished.uri)

    assert [each.line for each in found.differences] == ["embedded about, alpha: printed 0.01, recomputed 0.05"]


CHANGES = {
    "a cell of a table": r"<td[^>]*>[^<]*0\.(\d)",
    "a sentence": r"<p[^>]*>[^<]*?(\d)",
    "a text of a chart": r"<text[^>]*>[^<]*?(\d)",
    "the length of a bar": r'<path[^>]*\bd="[^"]*?(\d)',
    "what stands for a chart": r'<svg[^>]*aria-label="[^"]*?([a-z])',
    "what a table is sorted by": r'<td[^>]*data-[a-z]+="[^"]*?(\d)',
    "the style": r"<style>[^<]*?(\d)",
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_changed_sign_is_found(page, name):
    place = re.search(CHANGES[name], page).start(1)
    changed = page[:place] + ("7" if page[place] != "7" else "3") + page[place + 1 :]

    (found,) = differences(page, changed)

    assert found.printed != found.recomputed


def test_a_changed_cell_is_named_by_its_section_row_and_column(page):
    start = page.index("opencv", page.index("<tbody"))
    cell = re.search(r">(0\.\d{3})", page[start:])
    place = start + cell.start(1)

    (found,) = differences(page, f"{page[:place]}0.999{page[place + 5 :]}")

    assert found.row == "opencv"
    assert found.table
    assert found.column
    assert found.printed.startswith("0.999")


def test_a_sentence_that_was_added_is_named(page):
    found = differences(page, page.replace("</main>", "<p>The best of all.</p></main>"))

    assert "The best of all." in [each.printed for each in found]


def test_a_row_that_was_removed_is_named(page):
    start = page.index("<tr", page.index("<tbody"))
    end = page.index("</tr>", start) + len("</tr>")

    found = differences(page, page[:start] + page[end:])

    assert {each.printed for each in found} == {"(absent)"}


def test_markup_that_parsers_read_in_several_ways_is_found(page):
    """All texts are the same, and yet not every byte."""
    (found,) = differences(page, page.replace("</main>", "</main >"))

    assert found.column == "markup"


LINK = '<a class="run" href="http://mlflow.example:5000/#/experiments/1/runs/{}">0.81</a>'


def test_the_address_of_a_server_is_ignored():
    here = LINK.format("c0ffee")
    elsewhere = here.replace("http://mlflow.example:5000", "https://elsewhere.example/mlflow")

    assert differences(here, elsewhere) == []


def test_the_run_that_a_number_names_is_compared():
    (found,) = differences(LINK.format("c0ffee"), LINK.format("c0ffef"))

    assert (found.column, found.printed) == ("<a href>", "#/experiments/1/runs/c0ffef")


@pytest.mark.slow
def test_a_page_with_links_to_a_server_is_verified(comparison, finished):
    linked = render_html(comparison, server="http://mlflow.example:5000/a&b")

    assert verify_page(linked, tracking_uri=finished.uri).passed


@pytest.mark.slow
def test_words_of_a_file_are_said_to_be_taken_as_they_are(comparison, finished):
    page = render_html(comparison.with_wording({"language": "en", "terms": {"f1_macro": {"name": "our score"}}}))

    found = verify_page(page, tracking_uri=finished.uri)

    assert found.passed, [each.line for each in found.differences[:5]]
    assert "--wording" in found.notes[0]


@pytest.mark.slow
def test_charts_of_other_versions_are_compared_by_their_texts(page, finished):
    drawn = re.sub(r'"altair":"[^"]*"', '"altair":"1.0"', page)
    shape = re.sub(r'(<path[^>]*\bd="[^"]*?)(\d)', r"\g<1>9\g<2>", drawn)
    text = re.sub(r"(<text[^>]*>[^<]*?)(\d)", r"\g<1>9\g<2>", drawn)

    found = verify_page(shape, tracking_uri=finished.uri)

    assert found.passed
    assert "altair 1.0" in found.notes[0]
    assert found.taken == ("the shapes of the charts",)
    assert not verify_page(text, tracking_uri=finished.uri).passed


def test_a_page_of_another_version_is_refused(page, finished):
    older = page.replace('"comparison_version":', '"comparison_version":1')

    with pytest.raises(ConfigError, match="only be verified by the version that wrote it"):
        verify_page(older, tracking_uri=finished.uri)


def test_a_name_cannot_end_the_embedded_data(comparison):
    name = "</script><script>alert(1)</script><!-- & \u2028"
    hostile = replace(comparison, about={**comparison.about, "experiment": name})

    element = embed(hostile)

    assert element.count("</script>") == 1
    assert "<!--" not in element
    assert read_embedded(element)["about"]["experiment"] == name


@pytest.mark.slow
def test_a_page_with_names_that_hold_markup_is_verified(logged, store):
    logged('<b>cnn</b> & "it\'s"')
    logged("b", draw=1)
    page = render_html(compare("study", tracking_uri=store.uri))

    assert verify_page(page, tracking_uri=store.uri).passed


def test_the_page_holds_the_digest_of_every_prediction_table(comparison, page):
    digests = read_embedded(page)["digests"]

    assert digests == dict(zip(comparison.runs["run_id"], comparison.runs["digest"], strict=True))
    assert json.loads(comparison.to_json())["runs"][0]["digest"] in digests.values()


@pytest.mark.slow
def test_a_page_in_german_is_verified(comparison, finished):
    page = render_html(comparison.with_wording("de"))

    found = verify_page(page, tracking_uri=finished.uri)

    assert 'lang="de"' in page
    assert found.passed, [each.line for each in found.differences[:5]]
