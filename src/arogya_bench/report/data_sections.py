"""The chapter of a report on its data: card, split, findings of the data gate, and the runs that were read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arogya_bench.report.columns import Column, Link, Row, text
from arogya_bench.report.run_links import ID_LETTERS, RUNS
from arogya_bench.report.section import Section, row_footnotes
from arogya_bench.report.structure import SectionGroup
from arogya_bench.report.wording import UNDEFINED, is_undefined
from arogya_bench.runtime.console import plural

Tables = Mapping[str, Sequence[Row]]
DIGEST_LETTERS = 16  # of 64 that are shown
ALL_CLASSES = "(all)"
NOT_LOGGED = "not logged by these runs"
UNSTATED = "not stated"
PARTS = {"train": "train", "validation": "validation", "test": "test", "none": "in no part"}
GATE_CLEAN = "The data gate found no error and no warning in these data."
GATE_UNKNOWN = (
    "It is not known whether the data gate checked these images: predictions were imported, or have no config."
)
FINDING_COUNT = "cases, groups or pairs"


def data_groups(tables: Tables, facts: Mapping[str, Any]) -> tuple[SectionGroup, ...]:
    """The card of a dataset, its split, what the data gate found, and the runs.

    Args:
        tables: Of the dataset.
        facts: The entry of ``about`` on the dataset.
    """
    sections = (card_section(facts), split_section(tables["splits"]), gate_section(facts), runs_section(tables["runs"]))
    return (SectionGroup(name="all", sentences=tuple(_gate_sentences(facts)), sections=sections),)


def card_section(facts: Mapping[str, Any]) -> Section:
    """Say where a dataset comes from and what may be done with it; none in comparisons of earlier versions."""
    card = facts.get("card")
    columns = (text("fact", "what"), Column(header="as its runs say", format_cell=_value, wraps=True))
    return Section(
        name="data-card",
        title="Data card",
        note="Patients, cases and sites are those of the test split.",
        columns=columns,
        records=list(_card_rows(facts, card)) if card else [],
    )


def _card_rows(facts: Mapping[str, Any], card: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    rows = [
        ("dataset", facts["name"]),
        ("task", facts["task"]),
        ("patients", facts.get("patients") or "not named"),
        ("cases", facts.get("cases")),
        ("sites", facts.get("sites") or "not recorded"),
        ("classes", ", ".join(card["classes"] or ()) or None),
        ("positive class", card["positive_class"] or "none"),
        ("licence", card["licence"] or UNSTATED),
        ("source", card["source"] or UNSTATED),
        ("version", card["version"] or UNSTATED),
        ("citation", card["citation"] or UNSTATED),
        ("size of its images (pixels)", card["image_size"] or "as they are stored"),
        ("reader", card["reader"]),
        ("cases left out by the user", _removed(card["cases_left_out"])),
        ("unusable cases that were left out", _removed(card["unusable_cases"])),
        ("images may be sent to APIs", card["external_api"]),
        ("small pictures in reports", card["thumbnails"]),
        ("digest of its content", facts["digest"]),
        ("split", facts["split"]),
        ("digest of the split", facts["split_digest"]),
    ]
    yield from ({"fact": name, "value": NOT_LOGGED if value is None else value} for name, value in rows)


def _removed(count: int | None) -> str | None:
    """A number of cases; no case is said in a word."""
    return None if count is None else str(count) if count else "none"


def _value(row: Row) -> str:
    return str(row["value"])


def split_section(rows: Sequence[Row]) -> Section:
    """Count the cases and patients of each class in each part; rows of the table ``splits``."""
    records: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (str(row["split"]), str(row["class"]))
        record = records.setdefault(key, {"split": row["split"], "class": row["class"], "note": row["note"]})
        record[str(row["part"])] = row
    parts = dict.fromkeys(str(row["part"]) for row in rows)
    several = len({split for split, _ in records}) > 1
    return Section(
        name="split",
        title="Split",
        note=f"Cases, and the patients that they are of.{_patients_apart(rows)}",
        columns=(*([text("split")] if several else []), text("class"), *(_part(name) for name in parts)),
        records=list(records.values()),
        footnotes=row_footnotes(rows, lambda row: str(row["split"])),
    )


def _patients_apart(rows: Sequence[Row]) -> str:
    """Whether a patient is in two parts, as far as the method of the split says it."""
    names = {str(row["split"]) for row in rows}
    if any(row["note"] for row in rows):  # only the test cases are known
        return ""
    if all(name.startswith("group-") for name in names):
        return " No patient is in two parts, since the split is by group."
    if any(name.startswith("image_level-") for name in names):
        return " A patient may be in several parts, since the split is by image."
    return " The data gate reports patients that are in several parts."


def _part(part: str) -> Column:
    def format_cell(record: Mapping[str, Any]) -> str:
        row = record.get(part)
        if row is None:
            return UNDEFINED
        patients = "" if is_undefined(row["groups"]) else f" ({plural(int(row['groups']), 'patient')})"
        return f"{int(row['cases']):,}{patients}"

    return Column(header=PARTS.get(part, part), format_cell=format_cell, numeric=True)


def gate_section(facts: Mapping[str, Any]) -> Section:
    """List what the data gate found, the heaviest first, with what to do about it."""
    columns = (
        text("severity"),
        text("code"),
        text("title", "what was found"),
        Column(header=FINDING_COUNT, format_cell=lambda row: f"{row['count']:,}", numeric=True, key="count"),
        Column(header="where", format_cell=lambda row: str(row["detail"]), wraps=True),
        Column(header="what to do", format_cell=lambda row: str(row["fix"]), wraps=True),
    )
    return Section(
        name="gate",
        title="What the data gate found",
        note="An error stops a sweep unless it is accepted (gate=warn); a warning limits what the numbers can say.",
        columns=columns,
        records=[dict(finding) for finding in facts.get("gate_findings", ())],
    )


def _gate_sentences(facts: Mapping[str, Any]) -> Iterator[str]:
    card = facts.get("card") or {}
    if facts.get("gate_findings") or not card:
        return
    if card["reader"] is None:
        yield GATE_UNKNOWN
    else:
        yield GATE_CLEAN


def runs_section(rows: Sequence[Row]) -> Section:
    """List the runs that were read, with the digests of their predictions; rows of the table ``runs``."""
    several = len({row["split"] for row in rows}) > 1
    columns = (
        text("model"),
        text("condition"),
        text("seed"),
        *([text("split")] if several else []),
        Column(header="run", format_cell=lambda _: "", links_of=lambda row: _link(row["run_id"])),
        Column(header="fit", format_cell=lambda _: "", links_of=lambda row: _link(row["fit_run_id"])),
        Column(header="digest (SHA-256)", format_cell=_digest),
        text("finished", "finished (UTC)"),
    )
    return Section(
        name=RUNS,
        title="Runs",
        note="Every evaluation behind these numbers. The digest is that of its predictions as they were read, its "
        f"first {DIGEST_LETTERS} letters; runs.csv and comparison.json have all.",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=row_footnotes(rows, lambda row: f"{row['model']}, {row['condition']}, seed {row['seed']}"),
    )


def _link(run_id: object) -> tuple[Link, ...]:
    return () if is_undefined(run_id) else (Link(text=str(run_id)[:ID_LETTERS], run_id=str(run_id)),)


def _digest(row: Row) -> str:
    return UNDEFINED if is_undefined(row["digest"]) else str(row["digest"])[:DIGEST_LETTERS]
