"""Reporting checklists, filled as far as the runs know and marked where a person must."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.table_frames import TABLES, to_records
from arogya_bench.report.checklist_data import Evidence
from arogya_bench.report.checklist_facts import FACTS
from arogya_bench.report.columns import Column, Link
from arogya_bench.report.section import Section
from arogya_bench.report.structure import Chapter, DatasetReport, SectionGroup

TITLE = "Reporting checklists"
NOTE = (
    "The numbers of the items are those of the publication, the topics are in short words of ours: the publication "
    "is authoritative."
)
CHECKLISTS = ("claim", "tripod_ai", "stard_ai")
FILLED, PARTLY, OPEN = "by the runs", "in part", "by a person"


@dataclass(frozen=True, kw_only=True)
class ChecklistItem:
    """An item of a reporting checklist.

    Attributes:
        number: In the publication, such as ``12a``.
        part: Of the publication that the item belongs to.
        topic: In our own words.
        facts: Names in ``FACTS`` of what the report tells.
        person: What a person adds.
        complete: Whether all of the facts together answer the item.
    """

    number: str
    part: str
    topic: str
    facts: tuple[str, ...]
    person: str
    complete: bool = False


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """A reporting checklist.

    Attributes:
        name: Of its file, and of its place in the report.
        title: What it is called.
        full_name: What it is for.
        citation: Its publication.
        doi: Of the publication.
        checked: What its numbers and topics were compared with.
    """

    name: str
    title: str
    full_name: str
    citation: str
    doi: str
    checked: str
    items: tuple[ChecklistItem, ...]


@dataclass(frozen=True, kw_only=True)
class FilledItem:
    """An item with what the report tells of it.

    Attributes:
        status: ``FILLED``, ``PARTLY`` or ``OPEN``.
        answer: What the runs tell, and what a person adds.
        links: To where the report says more.
    """

    item: ChecklistItem
    status: str
    answer: str
    links: tuple[Link, ...]


@cache
def load_checklist(name: str) -> Checklist:
    """Read a checklist of this package."""
    source = files("arogya_bench.report").joinpath("checklists", f"{name}.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(source)
    items = tuple(ChecklistItem(**{**item, "facts": tuple(item["facts"])}) for item in content.pop("items"))
    return Checklist(name=name.replace("_", "-"), full_name=content.pop("name"), items=items, **content)


def build_checklists(comparison: ComparisonTables, datasets: Sequence[DatasetReport]) -> tuple[Chapter, ...]:
    """The chapter of the reporting checklists; none without a dataset that has a result."""
    known = [_collect_evidence(comparison, dataset) for dataset in datasets if _has_result(comparison, dataset)]
    if not known:
        return ()
    places = {name: title for dataset in datasets for name, title in _places_of(dataset)}
    groups = tuple(_build_group(load_checklist(name), known, places) for name in CHECKLISTS)
    return (Chapter(name="checklists", title=TITLE, groups=groups),)


def _has_result(comparison: ComparisonTables, dataset: DatasetReport) -> bool:
    return any(facts["dataset"] == dataset.dataset for facts in comparison.about["datasets"])


def _collect_evidence(comparison: ComparisonTables, dataset: DatasetReport) -> Evidence:
    rows = {name: to_records(getattr(comparison, name)) for name in TABLES}
    return Evidence(
        about=comparison.about,
        facts=next(facts for facts in comparison.about["datasets"] if facts["dataset"] == dataset.dataset),
        tables={name: [row for row in found if row["dataset"] == dataset.dataset] for name, found in rows.items()},
        summary=dataset.summary,
    )


def _places_of(dataset: DatasetReport) -> list[tuple[str, str]]:
    """The names that links may give, with their titles; a section goes before a chapter."""
    chapters = [(chapter.name, chapter.title) for chapter in dataset.chapters]
    return chapters + [(section.name, section.title) for section in dataset.sections]


def _build_group(checklist: Checklist, known: Sequence[Evidence], places: Mapping[str, str]) -> SectionGroup:
    filled = [fill_item(item, known, places) for item in checklist.items]
    section = Section(
        name=checklist.name,
        title=checklist.title,
        note=NOTE,
        columns=COLUMNS,
        records=filled,
        detail=True,
        footnotes=(checklist.checked,),
    )
    return SectionGroup(
        name=f"checklist-{checklist.name}",
        title=f"{checklist.title}: {checklist.full_name}",
        sentences=(_count(filled), f"{checklist.citation}. https://doi.org/{checklist.doi}"),
        sections=(section,),
    )


def fill_item(item: ChecklistItem, known: Sequence[Evidence], places: Mapping[str, str]) -> FilledItem:
    """Fill an item with what is known of each dataset.

    Args:
        item: The item.
        known: What is known of each dataset.
        places: The titles of the places of the report by their names.
    """
    told = {fact: text for fact in item.facts if (text := _tell(fact, known))}
    names = dict.fromkeys(place for fact in told if (place := FACTS[fact].place) in places)
    known_all = item.complete and len(told) == len(item.facts)
    status = OPEN if not told else FILLED if known_all else PARTLY
    person = "" if status == FILLED else f"To be filled in by a person: {item.person}."
    return FilledItem(
        item=item,
        status=status,
        answer=" ".join(filter(None, [*told.values(), person])),
        links=tuple(Link(text=places[name], anchor=name) for name in names),
    )


def _tell(fact: str, known: Sequence[Evidence]) -> str:
    """What is known of a fact; with several datasets, whose answers differ, for each of them."""
    told = {str(evidence.facts["dataset"]): FACTS[fact].tell(evidence) for evidence in known}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return " ".join(f"{dataset}: {text}" for dataset, text in told.items() if text)


def _count(filled: Sequence[FilledItem]) -> str:
    by_runs, in_part, by_person = (sum(entry.status == status for entry in filled) for status in (FILLED, PARTLY, OPEN))
    return (
        f"Of {len(filled)} items, the runs answer {by_runs}, and {in_part} in part; "
        f"{by_person} are to be filled in by a person."
    )


def _text(header: str, read: Callable[[FilledItem], str], *, prose: bool = False) -> Column:
    return Column(header=header, format_cell=read, wraps=prose, prose=prose)


COLUMNS = (
    _text("item", lambda entry: entry.item.number),
    _text("topic", lambda entry: entry.item.topic, prose=True),
    _text("answered", lambda entry: entry.status),
    _text("in this report", lambda entry: entry.answer, prose=True),
    Column(header="where", format_cell=lambda _: "", links_of=lambda entry: entry.links, wraps=True, prose=True),
)
