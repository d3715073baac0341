"""Who becomes what: every case of a source with its new names, before a file is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from arogya_bench.curation.sources import CurationSource
from arogya_bench.deidentification.pseudonyms import Pseudonyms, check_distinct
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.types import Case, Dataset

UNKNOWN_LABEL = "its label is not among the classes"


@dataclass(frozen=True, kw_only=True)
class CurationItem:
    """One case to be curated.

    Attributes:
        source_case_id: Its id in the source; may identify somebody.
        case: With new ids, and the metadata that is kept.
        image: Where its image lies.
        mask: Where its mask lies; None without one.
        content_digest: Tells its files, as they were when the source was read, from all others.
        quarantine_reason: Why it is quarantined unseen; None if it is not.
    """

    source_case_id: str
    case: Case
    image: Path
    mask: Path | None
    content_digest: str
    quarantine_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class CurationPlan:
    """Everything that is to be done.

    Attributes:
        items: In the order of the new ids.
        dataset: The source; its cases still have their old ids.
        dropped_columns: Columns that are not kept.
        kept_columns: Columns that are, in the order asked for.
        unused: How many files of the source became no case, by kind.
        options: What a reader of the result has to know, such as ``window``.
    """

    items: tuple[CurationItem, ...]
    dataset: Dataset
    dropped_columns: tuple[str, ...]
    kept_columns: tuple[str, ...]
    unused: Mapping[str, int]
    options: Mapping[str, object]


def plan_curation(
    source: CurationSource, pseudonyms: Pseudonyms, keep: Sequence[str]
) -> CurationPlan:
    """Give every case and every group its pseudonym.

    Args:
        source: As read.
        pseudonyms: Makes pseudonyms.
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
                f"{did_you_mean(name, columns)}",
                fix=f"use {', '.join(columns) or 'no column: there are none'}",
            )
    cases = {case.case_id: pseudonyms.case(case.case_id) for case in dataset.cases}
    groups = {case.group_id: pseudonyms.group(case.group_id) for case in dataset.cases}
    check_distinct(cases, cases, "cases")
    check_distinct(groups, groups, "groups")
    tasks = [
        CurationItem(
            source_case_id=case.case_id,
            case=_pseudonymise(case, cases, groups, keep),
            image=dataset.files[case.case_id],
            mask=source.masks.get(case.case_id),
            content_digest=_content_digest(source, case.case_id),
            quarantine_reason=UNKNOWN_LABEL if case.case_id in dataset.stray_labels else None,
        )
        for case in dataset.cases
    ]
    return CurationPlan(
        items=tuple(sorted(tasks, key=lambda task: task.case.case_id)),
        dataset=dataset,
        dropped_columns=tuple(name for name in columns if name not in keep),
        kept_columns=tuple(keep),
        unused=source.unused,
        options=source.options,
    )


def _pseudonymise(
    case: Case, cases: Mapping[str, str], groups: Mapping[str, str], keep: Sequence[str]
) -> Case:
    return replace(
        case,
        case_id=cases[case.case_id],
        group_id=groups[case.group_id],
        metadata={name: case.metadata[name] for name in keep},
    )


def _content_digest(source: CurationSource, name: str) -> str:
    files = (source.dataset.files[name], source.masks.get(name))
    return " ".join(source.digests[file] for file in files if file)
