"""What the templates of the page ask about a report: addresses of links, charts, attributes of cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape

from markupsafe import Markup

from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.anchors import Anchors, dataset_anchor, find_anchors, run_anchor
from arogya_bench.report.columns import Cell, Column, Link
from arogya_bench.report.inline_svg import inline_svg
from arogya_bench.report.section import Section
from arogya_bench.report.structure import DatasetReport, Report, WeightedWarning
from arogya_bench.report.words import Words, load_words
from arogya_bench.tracking.ui_paths import run_path

MAX_BRACKET = 12  # letters, such as "[95 % CI]"
PROSE = 60  # letters from which a cell that wraps needs room for sentences
LONG_HEADER = 30  # letters from which a header has a least width
INDEX = "index.html"  # of a site
RUNS = "runs"  # the section whose rows are runs
SCRIPT_WORDS = {
    "dark": "Dark",
    "light": "Light",
    "filter": "Filter rows",
    "columns": "Columns",
    "scroll": "More columns: scroll sideways \N{RIGHTWARDS ARROW}",
    "tab": "Hold Ctrl (on a Mac Command) and click: the run opens in a new tab.",
    "copied": "Address copied. Open it in a new tab; or hold Ctrl (on a Mac Command) and click.",
}
NO_FINDING = "Chart: {title}. The table below it has its numbers."


@dataclass(frozen=True, kw_only=True)
class PageView:
    """A report as a page shows it.

    Attributes:
        experiments: The experiment of each run.
        server: Address of the pages of MLflow; empty if it is not known.
        shows: The dataset that this page shows alone; empty for a page with all of them or without any.
        split: Whether each dataset has a page of its own.
        words: Of the language of the report; what they lack stays English.
    """

    report: Report
    experiments: Mapping[str, str] = field(default_factory=dict, repr=False)
    server: str = ""
    shows: str = ""
    split: bool = False
    words: Words = field(default_factory=load_words, repr=False)

    @cached_property
    def terms(self) -> frozenset[str]:
        """The terms that the glossary explains."""
        return frozenset(term for term, _, _ in self.report.glossary)

    @cached_property
    def anchors(self) -> Anchors:
        """The places of the report."""
        return find_anchors(self.report)

    @cached_property
    def listed_runs(self) -> Mapping[str, str]:
        """The dataset of each run that has a row in the table of runs."""
        return {
            str(record["run_id"]): dataset.dataset
            for dataset in self.report.datasets
            for section in dataset.sections
            if section.name == RUNS
            for record in section.records
        }

    def label(self, text: str) -> str:
        """A word of the page itself in the language of the report."""
        return self.words.find("titles", text) or text

    @property
    def script_words(self) -> str:
        """The words of the script, as attributes of the page."""
        return Markup("".join(f' data-{name}="{escape(self.label(text))}"' for name, text in SCRIPT_WORDS.items()))

    def address(self, link: Link, part: str, section: Section) -> str:
        """The attributes of a link of a cell; empty if it leads nowhere, so that it is shown as text.

        Runs are linked to their row in the table of runs, which has their digest; only there they are linked to MLflow,
        whose address may be another one for the next reader.
        """
        if not link.run_id:
            place = self.anchors.find(link.anchor, part)
            return Markup(f' href="{self.place_address(place, self.anchors.owners.get(place, ""))}"') if place else ""
        owner = self.listed_runs.get(link.run_id)
        if self.server and (owner is None or section.name == RUNS):
            return Markup(f' class="run" href="{escape(self.run_address(link.run_id))}"')
        return Markup(f' class="run" href="{self.place_address(run_anchor(link.run_id), owner)}"') if owner else ""

    def place_address(self, place: str, owner: str) -> str:
        """The address of a place that belongs to a dataset, or to none."""
        if not self.split or owner == self.shows:
            return f"#{place}"
        is_dataset = any(dataset.dataset == owner for dataset in self.report.datasets)
        return f"{self.dataset_file(owner) if is_dataset else INDEX}#{place}"

    def run_address(self, run_id: str) -> str:
        """The page of a run in MLflow."""
        experiment = self.experiments.get(run_id)
        return self.server + (run_path(experiment, run_id) if experiment else f"/#/runs/{run_id}")

    def dataset_file(self, dataset: str) -> str:
        """The page of a dataset in a site."""
        return f"{dataset_anchor(dataset)}.html"

    def dataset_address(self, dataset: DatasetReport) -> str:
        """The first screen of a dataset, on the page that has all of them."""
        return f"#{dataset_anchor(dataset.dataset)}"

    def row_place(self, section: Section, number: int) -> str:
        """The attributes that make a row the place of a run, and name its experiment for links within MLflow."""
        if section.name != RUNS:
            return ""
        run_id = str(section.records[number]["run_id"])
        experiment = self.experiments.get(run_id)
        path = f' data-path="{escape(run_path(experiment, run_id))}"' if experiment else ""
        return Markup(f' id="{run_anchor(run_id)}"{path}')

    def chart(self, section: Section) -> str:
        """The chart of a section as a part of the page; empty without one."""
        chart = section.chart
        if chart is None:
            return ""
        finding = section.finding() if section.finding else self.label(NO_FINDING).format(title=section.title)
        return inline_svg(to_svg(chart, theme_variables=True, alternative=finding))

    def warnings(self, dataset: DatasetReport) -> tuple[WeightedWarning, ...]:
        """What a reader must know, the heaviest first; what the first screen says already is not repeated."""
        summary = dataset.summary
        said = " ".join([summary.reason, *summary.not_shown, *(warning.text for warning in summary.warnings)])
        others = [warning for warning in map(_weigh, dataset.warnings) if warning.text not in said]
        notes = dict.fromkeys((*dataset.caveats, *dataset.notes))
        others += [WeightedWarning(weight="note", text=text) for text in notes if text not in said]
        return (*summary.warnings, *others)


def _weigh(finding: str) -> WeightedWarning:
    """A line on a finding of the data gate, such as ``Warning AB302: ...``, as a warning with its weight."""
    weight, _, text = finding.partition(" ")
    known = weight.lower() in ("error", "warning")
    return WeightedWarning(weight=weight.lower() if known else "warning", text=text if known else finding)


def header_parts(header: str) -> tuple[str, str]:
    """A header before and from a short bracket, which stays on one line: ``F1 [95 % CI]`` or ``latency (ms)``."""
    name, beside = header, ""
    places = [place for place, letter in enumerate(header) if place and letter in "[("]
    if places and len(header) - places[-1] <= MAX_BRACKET:
        name, beside = header[: places[-1]], header[places[-1] :]
    return name, beside


def header_attributes(column: Column) -> str:
    """How a header looks: a long one is not to become a tower of single words."""
    names = [*(["n"] if column.numeric else []), *(["long"] if len(column.header) > LONG_HEADER else [])]
    return Markup(f' class="{" ".join(names)}"') if names else ""


def estimate(value: str) -> str:
    """A number without its interval: ``0.81`` of ``0.81 [0.70, 0.90]``."""
    return value.partition(" [")[0]


def bounds(value: str) -> str:
    """The interval of a number with one; empty without."""
    return "".join(value.partition(" [")[1:]).strip()


def row_header(section: Section) -> int:
    """The place of the column that names the rows: the first with words in it."""
    return next((place for place, column in enumerate(section.columns) if _has_words(section, place, column)), 0)


def _has_words(section: Section, place: int, column: Column) -> bool:
    return not column.numeric and any(letter.isalpha() for row in section.rows for letter in row[place])


def cell_attributes(cell: Cell, column: Column, element: str) -> str:
    """The attributes of a cell: how it looks, and its value if it is not sorted by its text."""
    is_prose = cell.wraps and len(cell.text) > PROSE
    looks = [cell.tone, "wrap" if cell.wraps else "", "prose" if is_prose else "", "n" if column.numeric else ""]
    names = " ".join(filter(None, looks))
    attributes = ' scope="row"' if element == "th" else ""
    if names:
        attributes += f' class="{escape(names)}"'
    if column.numeric:
        attributes += f' data-v="{_sort_value(cell)}"'
    return Markup(attributes)


def _sort_value(cell: Cell) -> str:
    return "" if cell.sort is None or isinstance(cell.sort, str) else f"{cell.sort:.8g}"
