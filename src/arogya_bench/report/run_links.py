"""Links from the rows of tables to the runs in MLflow that their numbers rest on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.report.columns import Column, Link, Row
from arogya_bench.report.section import Section

MOST_TOGETHER = 2  # of a row about all models
MOST_LINKS = 5  # of one row; the table of runs has the others
ID_LETTERS = 8  # of a run id that are shown
RUNS = "runs"  # the section whose rows are runs
HEADER = "runs"


@dataclass(frozen=True, kw_only=True)
class RunLinks:
    """The runs behind models and conditions of one dataset.

    Attributes:
        evaluations: Run ids by model and condition, one per seed and fold.
        measurements: Run id by model.
    """

    evaluations: Mapping[tuple[str, str], tuple[str, ...]] = field(repr=False)
    measurements: Mapping[str, str] = field(repr=False)

    def of_row(self, row: Row) -> tuple[Link, ...]:
        """The evaluations of a row: of its model, of both models of a pair, or of all models under its condition.

        Those on clean images, unless the row names a condition; empty for a row about something else. Of many
        models together it is how many they are, which leads to the table of runs: single ones would be higher than
        the row.
        """
        condition = str(row.get("condition") or CLEAN)
        named = [str(row[key]) for key in ("model", "a", "b") if row.get(key)]
        if not named and row.get("condition"):
            runs = [run for (_, own), ids in self.evaluations.items() if own == condition for run in ids]
            return run_links(runs) if len(runs) <= MOST_TOGETHER else (Link(text=str(len(runs)), anchor=RUNS),)
        return run_links([run for model in named for run in self.evaluations.get((model, condition), ())])

    def of_measurement(self, row: Row) -> tuple[Link, ...]:
        """The measurement of the model of a row; empty if it was not measured."""
        run = self.measurements.get(str(row.get("model")))
        return run_links((run,)) if run else ()


def find_run_links(runs: Sequence[Row], measurements: Sequence[Row]) -> RunLinks:
    """Collect the runs of the tables ``runs`` and ``measurements`` of one dataset."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in runs:
        if row["digest"]:  # others were not read
            found[str(row["model"]), str(row["condition"])].append(str(row["run_id"]))
    measured = {str(row["model"]): str(row["run_id"]) for row in measurements if row.get("run_id")}
    return RunLinks(evaluations={key: tuple(ids) for key, ids in found.items()}, measurements=measured)


def run_links(run_ids: Sequence[str]) -> tuple[Link, ...]:
    """A link to each run; of many runs to the first ones, and to the table of runs."""
    shown = tuple(Link(text=run_id[:ID_LETTERS], run_id=run_id) for run_id in run_ids[:MOST_LINKS])
    rest = len(run_ids) - len(shown)
    return (*shown, *((Link(text=f"+{rest}", anchor=RUNS),) if rest else ()))


def with_run_links(sections: Iterable[Section], links: RunLinks, *, measured: bool = False) -> list[Section]:
    """The sections, each with a last column of links if its rows rest on runs of its own.

    Args:
        sections: Of one chapter.
        links: The runs.
        measured: Whether the rows rest on measurements and not on evaluations.
    """
    links_of = links.of_measurement if measured else links.of_row

    def links_of_record(record: Any) -> tuple[Link, ...]:
        return links_of(record) if isinstance(record, Mapping) else ()

    column = Column(header=HEADER, format_cell=lambda _: "", links_of=links_of_record, detail=True)
    return [
        replace(section, columns=(*section.columns, column))
        if section.name != RUNS and any(links_of_record(record) for record in section.records)
        else section
        for section in sections
    ]
