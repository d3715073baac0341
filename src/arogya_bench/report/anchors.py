"""Names of the places of a report, which its links lead to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from arogya_bench.report.structure import Chapter, Report

MAX_SLUG = 48  # characters of a name in an address
ALL = "all"  # the name of a group without a heading
APPENDIX, BEYOND = "(appendix)", "(beyond)"  # parts of a report that are no datasets, and named as none will be


def slug(text: str) -> str:
    """A name in letters that need no escaping in an address; different names give different ones.

    Example: ``synthetic-60x3`` stays, ``a/b`` becomes ``a-b-c14c``.
    """
    plain = re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-")[:MAX_SLUG].strip("-")
    return plain if plain == text else f"{plain}-{sha256(text.encode()).hexdigest()[:4]}".strip("-")


def term_anchor(term: str) -> str:
    """The place of a term in the glossary."""
    return f"term-{slug(term)}"


def run_anchor(run_id: str) -> str:
    """The place of a run in the table of runs."""
    return f"run-{slug(run_id)}"


def dataset_anchor(dataset: str) -> str:
    """The first screen of a dataset."""
    return f"dataset-{slug(dataset)}"


def chapter_anchor(part: str, chapter: str) -> str:
    """A chapter of a dataset, or of the appendix."""
    return f"{slug(part)}-chapter-{slug(chapter)}"


def group_anchor(part: str, group: str) -> str:
    """A group of sections, such as those of one model."""
    return f"{slug(part)}-group-{slug(group)}"


def section_anchor(part: str, group: str, section: str) -> str:
    """A section of a dataset, of the appendix, or of what is beyond one dataset."""
    names = (part, section) if group == ALL else (part, group, section)
    return "-".join(slug(name) for name in names)


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """The places of a report by the names that links give them.

    Attributes:
        places: The place of each pair of a dataset and a name; the first dataset also stands for an empty one.
        owners: The dataset of each place.
    """

    places: Mapping[tuple[str, str], str] = field(repr=False)
    owners: Mapping[str, str] = field(default_factory=dict, repr=False)

    def find(self, name: str, dataset: str = "") -> str:
        """The place of a section, a group or a chapter, best in the same dataset; empty if there is none."""
        return self.places.get((dataset, name)) or self.places.get(("", name), "")


def find_anchors(report: Report) -> Anchors:
    """List the places of a report; a section comes before a group and a chapter of the same name."""
    places: dict[tuple[str, str], str] = {}
    owners: dict[str, str] = {}
    parts = [(part.dataset, part.chapters) for part in report.datasets] + [(APPENDIX, report.appendix)]
    for part, chapters in parts:
        for name, anchor in _places_of(part, chapters):
            places.setdefault((part, name), anchor)
            places.setdefault(("", name), anchor)
            owners[anchor] = part
    for section in report.sections:
        places.setdefault(("", section.name), section_anchor(BEYOND, ALL, section.name))
    return Anchors(places=places, owners=owners)


def _places_of(part: str, chapters: tuple[Chapter, ...]) -> Iterator[tuple[str, str]]:
    for chapter in chapters:
        for group in chapter.groups:
            for section in group.sections:
                yield section.name, section_anchor(part, group.name, section.name)
    for chapter in chapters:
        yield from ((group.name, group_anchor(part, group.name)) for group in chapter.groups if group.name != ALL)
    yield from ((chapter.name, chapter_anchor(part, chapter.name)) for chapter in chapters)
