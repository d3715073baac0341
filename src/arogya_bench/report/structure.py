"""The parts of a report: summary, chapters and sections of each dataset, which every output arranges in its own way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arogya_bench.report.section import Section


@dataclass(frozen=True, kw_only=True)
class KeyNumber:
    """One of the numbers that an answer rests on.

    Attributes:
        label: In plain words.
        value: With its unit and interval.
        term: The metric that explains it; empty for none.
    """

    label: str
    value: str
    term: str = ""


@dataclass(frozen=True, kw_only=True)
class WeightedWarning:
    """What a reader must know before using the answer.

    Attributes:
        weight: ``error``, ``warning`` or ``note``, in this order of importance.
    """

    weight: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The first screen of a dataset.

    Attributes:
        rests_on: Pairs of a label and a value: patients, sites, seeds, dates, version.
        not_shown: What the answer does not show, one sentence each.
        warnings: The heaviest first.
    """

    question: str
    answer: str
    reason: str
    numbers: tuple[KeyNumber, ...] = ()
    rests_on: tuple[tuple[str, str], ...] = ()
    not_shown: tuple[str, ...] = ()
    warnings: tuple[WeightedWarning, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SectionGroup:
    """Sections under a heading of their own, such as those of one model.

    Attributes:
        name: Identifies the group in links.
        title: Empty if the chapter has one group only.
        sentences: Before the sections.
    """

    name: str
    title: str = ""
    sentences: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A part of the report of a dataset.

    Attributes:
        name: Identifies the chapter in links, and is the same in every language.
    """

    name: str
    title: str
    groups: tuple[SectionGroup, ...]

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections of all groups."""
        return tuple(section for group in self.groups for section in group.sections)


@dataclass(frozen=True, kw_only=True)
class DatasetReport:
    """The part of a report about one dataset.

    Attributes:
        status: ``ahead``, ``recommended`` or ``undecided``, or ``no-result`` if no evaluation finished.
        headline: The status and the models concerned.
        reason: The verdict in one to three sentences.
        warnings: Errors and warnings of the data gate, the heaviest first, one line each.
        caveats: Limitations of the data, one sentence each.
        notes: What a reader of the verdict must know, one sentence each.
        summary: The first screen.
        chapters: Those with anything to show, in their order.
    """

    dataset: str
    status: str
    headline: str
    reason: str
    warnings: tuple[str, ...]
    caveats: tuple[str, ...]
    summary: Summary
    chapters: tuple[Chapter, ...]
    notes: tuple[str, ...] = ()

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections of all chapters."""
        return tuple(section for chapter in self.chapters for section in chapter.sections)


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole report.

    Attributes:
        methods: Pairs of a term and its explanation.
        sections: What does not belong to one dataset of the comparison.
        about: The entry ``about`` of the comparison.
        language: Of the words, such as ``en``.
        appendix: Chapters after the methods, such as reporting checklists.
        glossary: Terms with their plain name and explanation.
        wording: What ``load_words`` needs to give the same words again.
    """

    title: str
    subtitle: str
    datasets: tuple[DatasetReport, ...]
    methods: tuple[tuple[str, str], ...]
    methods_title: str
    sections_title: str
    sections: tuple[Section, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    language: str = "en"
    appendix: tuple[Chapter, ...] = ()
    glossary: tuple[tuple[str, str, str], ...] = ()
    wording: str | Mapping[str, Any] = "en"
