"""Plans a curation: the pseudonyms and kept metadata of every case, before a file is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from arogya_bench.curation.sources import CurationSource
from arogya_bench.datasets.reserved_columns import free_names, note_renamed
from arogya_bench.deidentification.pseudonyms import Pseudonyms, check_distinct
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.types import Case, Dataset

TABLE_COLUMNS = ("path", "mask", "label", "group", "split")  # of manifest.csv
UNKNOWN_LABEL = "its label is not among the classes"


@dataclass(frozen=True, kw_only=True)
class CurationItem:
    """One case to curate.

    Attributes:
        source_case_id: Original id; may identify a person.
        case: The case with pseudonyms and only the kept metadata.
        image: File of its image.
        mask: File of its mask; None without one.
        content_digest: Digest of its files, as they were when the source was read.
        quarantine_reason: Reason to quarantine it without reading it; None otherwise.
    """

    source_case_id: str
    case: Case
    image: Path
    mask: Path | None
    content_digest: str
    quarantine_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class CurationPlan:
    """The cases to curate.

    Attributes:
        items: Sorted by pseudonym.
        dataset: The source, with original ids.
        dropped_columns: Names of the metadata columns that are removed.
        kept_columns: Names of those that are kept, in the requested order.
        unused: Number of source files that are not part of a case, by kind.
        options: Options that a reader of the result needs, such as ``window``.
    """

    items: tuple[CurationItem, ...]
    dataset: Dataset
    dropped_columns: tuple[str, ...]
    kept_columns: tuple[str, ...]
    unused: Mapping[str, int]
    options: Mapping[str, object]


def plan_curation(source: CurationSource, pseudonyms: Pseudonyms, keep: Sequence[str]) -> CurationPlan:
    """Assign a pseudonym to every case and group.

    Raises:
        ConfigError: If the source lacks a metadata column to keep.
        DatasetError: If two cases or two groups get the same pseudonym.
    """
    dataset = source.dataset
    columns = list(dataset.cases[0].metadata) if dataset.cases else []
    for name in keep:
        if name not in columns:
            raise ConfigError(
                f"keep names the column {name!r}, which the source does not have.{did_you_mean(name, columns)}",
                fix=f"use {', '.join(columns) or 'no column: there are none'}",
            )
    renamed = free_names(keep, TABLE_COLUMNS)
    case_ids = {case.case_id: pseudonyms.case(case.case_id) for case in dataset.cases}
    group_ids = {case.group_id: pseudonyms.group(case.group_id) for case in dataset.cases}
    check_distinct(case_ids, "cases")
    check_distinct(group_ids, "groups")
    items = [
        CurationItem(
            source_case_id=case.case_id,
            case=replace(
                case,
                case_id=case_ids[case.case_id],
                group_id=group_ids[case.group_id],
                metadata={renamed.get(name, name): case.metadata[name] for name in keep},
            ),
            image=dataset.files[case.case_id],
            mask=source.masks.get(case.case_id),
            content_digest=_content_digest(source, case.case_id),
            quarantine_reason=UNKNOWN_LABEL if case.case_id in dataset.stray_labels else None,
        )
        for case in dataset.cases
    ]
    return CurationPlan(
        items=tuple(sorted(items, key=lambda item: item.case.case_id)),
        dataset=replace(dataset, notes=(*dataset.notes, *note_renamed(renamed, "the table of the result uses"))),
        dropped_columns=tuple(name for name in columns if name not in keep),
        kept_columns=tuple(renamed.get(name, name) for name in keep),
        unused=source.unused,
        options=source.options,
    )


def _content_digest(source: CurationSource, case_id: str) -> str:
    files = (source.dataset.files[case_id], source.masks.get(case_id))
    return " ".join(source.digests[file] for file in files if file)
