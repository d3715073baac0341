"""Who becomes what: every case of a source with its new names, before a file is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from arogya_bench.curation.sources import Source
from arogya_bench.deidentification.pseudonyms import Pseudonyms, distinct
from arogya_bench.errors import ConfigError, nearest
from arogya_bench.types import Case, Dataset

STRAY = "its label is not among the classes"


@dataclass(frozen=True, kw_only=True)
class Task:
    """One case to be curated.

    Attributes:
        name: Its id in the source; may identify somebody.
        case: With new ids, and the metadata that is kept.
        image: Where its image lies.
        mask: Where its mask lies; None without one.
        content: Tells its files, as they were when the source was read, from all others.
        refused: Why it is quarantined unseen; None if it is not.
    """

    name: str
    case: Case
    image: Path
    mask: Path | None
    content: str
    refused: str | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is to be done.

    Attributes:
        tasks: In the order of the new ids.
        dataset: The source; its cases still have their old ids.
        dropped: Columns that are not kept.
        kept: Columns that are, in the order asked for.
        unused: How many files of the source became no case, by kind.
        options: What a reader of the result has to know, such as ``window``.
    """

    tasks: tuple[Task, ...]
    dataset: Dataset
    dropped: tuple[str, ...]
    kept: tuple[str, ...]
    unused: Mapping[str, int]
    options: Mapping[str, object]


def planned(source: Source, names: Pseudonyms, keep: Sequence[str]) -> Plan:
    """Give every case and every group its pseudonym.

    Args:
        source: As read.
        names: Makes pseudonyms.
        keep: Metadata columns that identify nobody.

    Raises:
        ConfigError: If a column to keep is not there.
        DatasetError: If two cases or two groups get one pseudonym.
    """
    dataset = source.dataset
    columns = list(dataset.cases[0].metadata) if dataset.cases else []
    for name in keep:
        if name not in columns:
            raise ConfigError(
                f"keep names the column {name!r}, which the source does not have."
                f"{nearest(name, columns)}",
                fix=f"use {', '.join(columns) or 'no column: there are none'}",
            )
    cases = {case.case_id: names.case(case.case_id) for case in dataset.cases}
    groups = {case.group_id: names.group(case.group_id) for case in dataset.cases}
    distinct(cases, cases, "cases")
    distinct(groups, groups, "groups")
    tasks = [
        Task(
            name=case.case_id,
            case=_renamed(case, cases, groups, keep),
            image=dataset.files[case.case_id],
            mask=source.masks.get(case.case_id),
            content=_content(source, case.case_id),
            refused=STRAY if case.case_id in dataset.stray_labels else None,
        )
        for case in dataset.cases
    ]
    return Plan(
        tasks=tuple(sorted(tasks, key=lambda task: task.case.case_id)),
        dataset=dataset,
        dropped=tuple(name for name in columns if name not in keep),
        kept=tuple(keep),
        unused=source.unused,
        options=source.options,
    )


def _renamed(
    case: Case, cases: Mapping[str, str], groups: Mapping[str, str], keep: Sequence[str]
) -> Case:
    return replace(
        case,
        case_id=cases[case.case_id],
        group_id=groups[case.group_id],
        metadata={name: case.metadata[name] for name in keep},
    )


def _content(source: Source, name: str) -> str:
    files = (source.dataset.files[name], source.masks.get(name))
    return " ".join(source.contents[file] for file in files if file)
