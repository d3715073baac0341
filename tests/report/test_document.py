import re
from base64 import b64encode
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader
from rendered import text_of

from arogya_bench.report.columns import Column, Link, number, text
from arogya_bench.report.content import build_report
from arogya_bench.report.document import compile_document, render_pdf
from arogya_bench.report.document_content import TOO_LARGE
from arogya_bench.report.page_view import PageView
from arogya_bench.report.section import Section
from arogya_bench.report.structure import Chapter, DatasetReport, Report, SectionGroup, Summary

PPI = 36  # pixels per inch of the pages that are looked at: two points are a pixel
MARGINS = slice(23, -28), slice(10, -10)  # of a page, in these pixels; the footer is below


@pytest.fixture(scope="session")
def document(comparison):
    return render_pdf(comparison)


@pytest.fixture(scope="session")
def text_of_study(document):
    return text_of(document)


@pytest.fixture(scope="session")
def reader(document):
    return PdfReader(BytesIO(document))


def report_of(*sections, **fields):
    """A report of some sections alone."""
    chapter = Chapter(name="overview", title="Overview", groups=(SectionGroup(name="all", sections=sections),))
    summary = Summary(question="Which?", answer="This one.", reason="Because.")
    dataset = DatasetReport(
        dataset="clinic", status="ahead", headline="Ahead", reason="Because.", warnings=(), caveats=(),
        summary=summary, chapters=(chapter,),
    )  # fmt: skip
    given = {"title": "Model comparison", "subtitle": "", "methods": (("Tests", "paired"),), "sections_title": "Beyond"}
    return Report(datasets=(dataset,), methods_title="Methods", **{**given, **fields})


def section_of(columns, records, name="table", **fields):
    return Section(
        name=name, title=f"Title of {name}", note="How to read it.", columns=tuple(columns), records=records, **fields
    )


def render(report, **fields):
    return compile_document(PageView(report=report, **fields))


def plot(height, width=400):
    """A chart of a size."""
    import altair as alt

    data = alt.Data(values=[{"x": 1, "y": 1}])
    chart = alt.Chart(data).mark_point().encode(x="x:Q", y="y:Q").properties(height=height, width=width)
    return lambda: chart


def letter_sizes(document):
    """The sizes of all letters, in points."""
    found = set()

    def visit(text, matrix, text_matrix, font, size):
        if text.strip():
            found.add(round(size * abs(text_matrix[0]) * abs(matrix[0]), 1))

    for page in PdfReader(BytesIO(document)).pages:
        page.extract_text(visitor_text=visit)
    return found


def pictures_of(view):
    """The pages as images; Typst gives a page alone without a list."""
    pages = compile_document(view, format="png", ppi=PPI)
    return pages if isinstance(pages, list) else [pages]


def largest_gap(page):
    """The largest share of the height of a page, between its margins, without ink."""
    ink = np.asarray(Image.open(BytesIO(page)).convert("L"))[MARGINS].min(axis=1) < 200
    rows = np.flatnonzero(np.concatenate([[True], ink, [True]]))
    return np.diff(rows).max() / ink.size


def test_the_pdf_has_title_and_verdict(text_of_study, comparison):
    (dataset,) = build_report(comparison).datasets

    shown = text_of_study.replace("\n", " ")
    assert "Model comparison: study" in shown
    assert build_report(comparison).subtitle in shown
    assert dataset.summary.answer in shown


def test_the_pdf_has_every_chapter_and_section(text_of_study, comparison):
    (dataset,) = build_report(comparison).datasets
    titles = [chapter.title for chapter in dataset.chapters] + [section.title for section in dataset.sections]

    shown = text_of_study.replace("\n", " ")
    assert [title for title in titles if title not in shown] == []


def test_the_pdf_explains_the_methods(text_of_study, comparison):
    assert "10,000 resamples" in text_of_study
    assert comparison.about["key"] in text_of_study.replace("\n", "")


def test_the_pdf_has_page_numbers_title_and_language(reader, text_of_study):
    assert f"1 / {len(reader.pages)}" in text_of_study
    assert reader.metadata.title == "Model comparison: study"
    assert reader.trailer["/Root"]["/Lang"] == "en"


def test_a_report_in_another_language_says_so():
    reader = PdfReader(BytesIO(render(report_of(section_of([text("model")], [{"model": "a"}]), language="de"))))

    assert reader.trailer["/Root"]["/Lang"] == "de"


def test_identical_comparisons_give_identical_files(document, comparison):
    assert render_pdf(replace(comparison)) == document


def test_the_contents_lead_to_chapters_and_sections(reader, comparison):
    (dataset,) = build_report(comparison).datasets
    bookmarks = [entry["/Title"] for entry in flatten(reader.outline)]

    assert dataset.chapters[0].title in bookmarks
    assert dataset.sections[0].title in bookmarks


def flatten(entries):
    return [one for entry in entries for one in (flatten(entry) if isinstance(entry, list) else [entry])]


def test_screen_readers_are_served_as_the_standard_asks(comparison):
    """Typst refuses a document that PDF/UA-1 forbids: images without text, skipped levels of headings."""
    assert compile_document(PageView(report=build_report(comparison)), pdf_standards="ua-1")


def test_a_chart_has_its_finding_as_text(comparison):
    chart = section_of([text("model")], [{"model": "a"}], plot=plot(100), finding=lambda: "opencv is best with 0.81")

    assert "opencv is best with 0.81".encode("utf-16-be") in unpacked(render(report_of(chart)))


def unpacked(document):
    """All objects of a document, texts of its structure included."""
    reader = PdfReader(BytesIO(document))
    found = []
    for place in range(1, len(reader.xref_objStm) + len(reader.xref.get(0, {})) + 1):
        value = reader.get_object(place)
        alternative = value.get("/Alt") if isinstance(value, dict) else None
        if alternative:
            found.append(str(alternative).encode("utf-16-be"))
    return b"".join(found)


def test_markup_in_a_cell_is_text():
    name = "#panic(1) *bold* $x$"

    assert "#panic" in text_of(render(report_of(section_of([text("model")], [{"model": name}]))))


@pytest.mark.slow
def test_markup_in_a_name_is_text(renamed):
    assert "#panic" in text_of(render_pdf(renamed("opencv", "#panic(1) *bold* $x$")))


def test_warnings_and_caveats_are_printed_with_their_weight():
    report = report_of(section_of([text("model")], [{"model": "a"}]))
    (dataset,) = report.datasets
    warned = replace(dataset, warnings=("Warning AB302: few cases",), caveats=("No patients.",), notes=("One seed.",))

    found = text_of(render(replace(report, datasets=(warned,))))

    assert "Warning: AB302: few cases" in found
    assert "Note: No patients." in found
    assert "Note: One seed." in found


def test_a_wide_table_is_split_and_each_part_names_its_rows():
    names = [f"metric {place} [95 % CI]" for place in range(16)]
    row = {"model": "opencv", **dict.fromkeys(names, "0.816 [0.783, 0.846]")}
    document = render(report_of(section_of([text("model"), *map(text, names)], [row])))

    found = text_of(document)
    assert len(re.findall("^opencv", found, re.MULTILINE)) == 2
    assert found.count("0.816") == len(names)
    assert min(letter_sizes(document)) >= 7


def test_the_header_of_a_table_is_on_each_page_of_it():
    document = render(report_of(section_of([text("model"), number("n")], [{"model": "a", "n": 1}] * 120)))

    tables = [page.extract_text() for page in PdfReader(BytesIO(document)).pages if "1.000" in page.extract_text()]
    assert len(tables) == 3
    assert all(re.search(r"^model\s*n$", table, re.MULTILINE) for table in tables)


HEIGHTS = [500, *(pytest.param(height, marks=pytest.mark.slow) for height in (40, 150, 300, 700, 950))]


@pytest.mark.parametrize("height", HEIGHTS)
def test_no_heading_stands_alone_and_no_third_of_a_page_is_blank(height):
    sections = [
        section_of(
            [text("model"), number("n")],
            [{"model": "a", "n": 1}] * rows,
            f"{rows}",
            plot=plot(height) if rows % 2 else None,
        )
        for rows in (3, 12, 31, 8, 5, 57, 2, 1, 9, 20)
    ]
    view = PageView(report=report_of(*sections))

    pages = [page.extract_text() for page in PdfReader(BytesIO(compile_document(view))).pages]
    assert not [
        page for page in pages if re.search(r"(Title of \d+|How to read it\.|model\s*n)\s*Model comparison \d", page)
    ]
    *inner, _ = pictures_of(view)
    assert max(map(largest_gap, inner)) < 1 / 3


def test_a_chart_that_no_page_holds_is_left_out_with_a_note():
    chart = section_of([text("model")], [{"model": "a"}], plot=plot(4000))

    assert TOO_LARGE in text_of(render(report_of(chart))).replace("\n", " ")


def test_a_name_of_200_letters_stays_within_the_margins():
    name = "resnet50_with_a_very_long_name_" * 7
    report = report_of(section_of([text("model"), number("n")], [{"model": name, "n": 1}]))
    view = PageView(report=report)

    pages = [np.asarray(Image.open(BytesIO(page)).convert("L")) for page in pictures_of(view)]
    assert min(page[:, -18:].min() for page in pages) > 250
    assert name in text_of(compile_document(view)).replace("\n", "").replace("\u200b", "")


RUN = "0123456789abcdef0123456789abcdef"


def linked(**fields):
    runs = Column(header="runs", format_cell=lambda _: "", links_of=lambda _: (Link(text="run 1", run_id=RUN),))
    place = Column(header="where", format_cell=lambda _: "", links_of=lambda _: (Link(text="there", anchor="second"),))
    first = section_of([text("model"), runs, place], [{"model": "a"}], "first")
    second = section_of([text("model")], [{"model": "a"}], "second")
    reader = PdfReader(BytesIO(render(report_of(first, second), **fields)))
    annotations = [one.get_object() for page in reader.pages for one in page.get("/Annots", ())]
    return [one["/A"].get("/URI") for one in annotations if "/A" in one], annotations


def test_runs_are_links_into_mlflow_where_its_address_is_known():
    addresses, _ = linked(server="http://127.0.0.1:5000", experiments={RUN: "3"})

    assert f"http://127.0.0.1:5000/#/experiments/3/runs/{RUN}?workflowType=machine_learning" in addresses


def test_without_an_address_there_are_links_within_the_document_only():
    addresses, annotations = linked()

    assert [address for address in addresses if address] == []
    assert annotations


def test_a_run_links_to_its_row_in_the_table_of_runs_once():
    runs = Column(header="runs", format_cell=lambda _: "", links_of=lambda _: (Link(text="run 1", run_id=RUN),))
    model = section_of([text("model"), runs], [{"model": "a"}], "model")
    table = section_of([text("run_id")], [{"run_id": RUN}, {"run_id": RUN}], "runs")
    reader = PdfReader(BytesIO(render(report_of(model, table))))

    targets = [one.get_object().get("/Dest") for page in reader.pages for one in page.get("/Annots", ())]
    assert len([target for target in map(str, targets) if "/XYZ" in target]) == 1  # a row; headings have names


def test_a_picture_of_a_case_is_printed_with_a_text():
    buffer = BytesIO()
    Image.new("RGB", (16, 16), "red").save(buffer, "PNG")
    uri = f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
    picture = Column(header="picture", format_cell=lambda row: row["case"], image_of=lambda _: uri)
    reader = PdfReader(BytesIO(render(report_of(section_of([picture], [{"case": "case-1"}])))))

    assert [image.image.size for page in reader.pages for image in page.images] == [(16, 16)]
