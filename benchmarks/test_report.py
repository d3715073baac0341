"""Rendering a report of 20 rows x 14 conditions after its tables are there: the page and the PDF.

Goals: each within 5 s, the page within 3 MB. The ratio to one chart rendered by itself, and to the arranging of the
sections, says on any machine where the time goes. Charts are drawn anew each time. Store, rows and
conditions are made up.
"""

import pytest

from arogya_bench.api import compare
from arogya_bench.figures.evaluation import render_svg, to_svg
from arogya_bench.report.content import build_report
from arogya_bench.report.document import render_pdf
from arogya_bench.report.page import render_html
from benchmarks.test_comparison import build_store

ROWS, CONDITIONS, PATIENTS = 20, 14, 250
MAX_PAGE_MB = 3

pytestmark = pytest.mark.benchmark(group=f"a report of {ROWS} rows x {CONDITIONS} conditions")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    store = build_store(folder, rows=ROWS, conditions=CONDITIONS, patients=PATIENTS, resamples=200)
    return compare("study", tracking_uri=store.uri)


def test_one_chart(benchmark, tables):
    (dataset,) = build_report(tables).datasets
    section = next(section for section in dataset.sections if section.plot)

    benchmark.pedantic(lambda: to_svg(section.chart), setup=render_svg.cache_clear, rounds=3, warmup_rounds=1)


def test_sections(benchmark, tables):
    benchmark.pedantic(lambda: build_report(tables), rounds=3, warmup_rounds=1)


def test_page(benchmark, tables):
    page = benchmark.pedantic(lambda: render_html(tables), setup=render_svg.cache_clear, rounds=2, warmup_rounds=1)

    benchmark.extra_info["MB"] = round(len(page.encode()) / 1e6, 2)
    assert len(page.encode()) < MAX_PAGE_MB * 1e6


def test_pdf(benchmark, tables):
    benchmark.pedantic(lambda: render_pdf(tables), setup=render_svg.cache_clear, rounds=2, warmup_rounds=1)
