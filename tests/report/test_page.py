"""The page: one file, harmless with any names, complete without its script, and the same for the same comparison."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from arogya_bench.report.anchors import slug
from arogya_bench.report.columns import Column, Link
from arogya_bench.report.page import render_html, render_template, view_report
from arogya_bench.report.page_view import header_attributes
from arogya_bench.report.section import Section
from arogya_bench.report.structure import Chapter, SectionGroup
from arogya_bench.report.wording import UNDEFINED

EVIL = "<script>alert('x')</script>"
LONG = "a-model-with-a-name-of-200-letters-" + 165 * "x"
RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def page(comparison):
    return render_html(comparison)


def render(view):
    return render_template("page.html.j2", report=view.report, view=view, embedded="")


def render_tables(comparison):
    """The page without its charts, which take most of the time."""
    view = view_report(comparison, server="")
    return render(replace(view, report=replace(view.report, datasets=tuple(map(without_charts, view.report.datasets)))))


def without_charts(dataset):
    def strip(group):
        return replace(group, sections=tuple(replace(section, plot=None) for section in group.sections))

    chapters = (replace(chapter, groups=tuple(map(strip, chapter.groups))) for chapter in dataset.chapters)
    return replace(dataset, chapters=tuple(chapters))


class Places(HTMLParser):
    """Collects the identifiers of a page and the links within it."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.links = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []


def test_the_page_needs_no_network(page):
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?\s*(?:https?:)?//", page)
    assert "@import" not in page
    assert not re.findall(r"url\(\s*[\"']?http", page)


def test_the_page_runs_its_own_script_only(page):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[1].replace("&#39;", "'")
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)

    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert not re.findall(r"<[^>]+\s(?:on[a-z]+|style)=", page)


def test_the_page_has_the_verdict_and_every_model(page, comparison):
    assert comparison.verdict["reason"].iloc[0] in page
    for model in ("prior", "opencv"):
        assert f'<th scope="row">{model}</th>' in page


def test_the_answer_comes_first(page):
    order = ["<h1>", 'class="question"', 'class="verdict"', 'class="numbers"', "What it rests on", "<table>"]

    assert sorted(order, key=page.index) == order


def test_every_link_within_the_page_has_its_place_and_no_place_is_there_twice(page):
    places = Places(page)

    assert len(set(places.ids)) == len(places.ids)
    assert {link[1:] for link in places.links if link.startswith("#")} <= set(places.ids)


def test_the_page_has_a_figure_for_each_chart(page):
    assert page.count("<figure>") == page.count('<svg role="img" aria-label=') > 4


def test_a_malicious_name_of_a_model_is_text(renamed):
    text = render_html(renamed("opencv", EVIL))

    assert EVIL not in text
    assert "&lt;script&gt;" in text


def test_a_malicious_name_of_an_experiment_is_text(comparison):
    text = render_tables(replace(comparison, about={**comparison.about, "experiment": EVIL}))

    assert EVIL not in text


def test_a_name_of_200_letters_is_whole(renamed):
    text = render_tables(renamed("opencv", LONG))

    assert f'<th scope="row">{LONG}</th>' in text


def test_undefined_numbers_are_dashes(undefined):
    text = render_tables(undefined)

    assert f'<td class="n" data-v="">{UNDEFINED}</td>' in text
    assert not re.findall(r">(?:nan|None|null)</td>|data-v=\"nan\"", text)


def test_missing_cells_are_listed_with_their_cause(incomplete):
    text = render_tables(incomplete)

    assert "<td>MemoryError</td>" in text
    assert '<th scope="row">resnet50</th>' in text


def test_a_dataset_without_patients_has_a_caveat_once(twofold, page):
    assert render_tables(twofold).count("The dataset does not identify patients") == 1
    assert "The dataset does not identify patients" not in page


def test_several_datasets_are_listed_with_their_answers_first(twofold, page):
    text = render_tables(twofold)

    assert text.index('class="glance"') < text.index('class="question"')
    assert '<a href="#dataset-clinic">clinic</a>' in text
    assert 'class="glance"' not in page


def test_a_single_model_makes_a_page(comparison):
    tables = {name: getattr(comparison, name).head(1) for name in ("leaderboard", "robustness")}

    text = render_tables(replace(comparison, pairwise=comparison.pairwise.head(0), **tables))

    assert '<th scope="row">opencv</th>' in text


def test_a_page_without_any_result_says_so(comparison):
    failed = {"dataset": "clinic", "split": "0", "reason": "No clean evaluation finished (2 failed)."}
    about = {**comparison.about, "datasets": [], "datasets_without_result": [failed]}

    text = render_tables(replace(comparison, about=about, verdict=comparison.verdict.head(0)))

    assert '<div class="answer no-result">' in text
    assert "No clean evaluation finished (2 failed)." in text


def test_a_condition_without_severity_does_not_stop_the_page(ungraded):
    assert re.search(r">mirrored</t[dh]>", render_tables(ungraded))


def test_the_same_comparison_gives_the_same_page(page, comparison):
    assert render_html(comparison) == page


def test_a_filter_is_stated_before_the_verdict(filtered, page):
    text = render_tables(filtered)

    assert "match the filter: tags.`arogya.seed` = &#39;42&#39;." in text[: text.index('class="answer')]
    assert "match the filter" not in page


@pytest.fixture(scope="session")
def linked(comparison):
    """A report with one section that has a link to a run, one to a section, and a picture."""
    view = view_report(comparison, server="")
    columns = (
        Column(
            header="case",
            format_cell=lambda row: row["case"],
            image_of=lambda _: "data:image/png;base64,AAAA",
            links_of=lambda row: (Link(text="run", run_id=RUN), Link(text="place", anchor=row["to"])),
        ),
    )
    section = Section(
        name="pictures", title="Pictures", note="", columns=columns, records=[{"case": "c1", "to": "leaderboard"}]
    )
    chapter = Chapter(name="extra", title="Extra", groups=(SectionGroup(name="all", sections=(section,)),))
    datasets = tuple(map(without_charts, view.report.datasets))
    return replace(view, report=replace(view.report, datasets=datasets, appendix=(chapter,)))


def test_a_run_is_linked_where_the_address_of_mlflow_is_known(linked):
    known = replace(linked, server="http://127.0.0.1:5000", experiments={RUN: "7"})

    address = f"http://127.0.0.1:5000/#/experiments/7/runs/{RUN}?workflowType=machine_learning"
    assert f'<a class="run" href="{address}">run</a>' in render(known)


def test_a_run_is_no_dead_link_where_the_address_of_mlflow_is_not_known(linked):
    text = render(linked)

    assert "http:" not in text
    assert re.search(r"run\s*<a href=\"#[\w.-]*leaderboard\">place</a>", text)


def test_a_picture_names_its_case(linked):
    assert '<img src="data:image/png;base64,AAAA" alt="case: c1"' in render(linked)


@pytest.mark.parametrize(("name", "anchor"), [("synthetic-60x3", "synthetic-60x3"), ("a/b", "a-b-c14c")])
def test_a_place_has_a_readable_name(name, anchor):
    assert slug(name) == anchor


def test_names_that_look_alike_have_different_places():
    assert (
        len(
            {
                slug(name)
                for name in ("a b", "a/b", "A b", "a-b", "\N{CYRILLIC SMALL LETTER A}", "\N{HIRAGANA LETTER A}")
            }
        )
        == 6
    )


def test_a_long_header_has_room_for_more_than_a_word_a_line():
    long, short = ("time for one image through MLflow (ms)", "cases")

    assert header_attributes(Column(header=long, format_cell=str, numeric=True)) == ' class="n long"'
    assert header_attributes(Column(header=short, format_cell=str)) == ""
