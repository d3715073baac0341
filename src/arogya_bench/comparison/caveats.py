"""Limitations of the data behind a comparison, read from the tags of its runs."""

from collections.abc import Iterable, Mapping, Sequence

from arogya_bench.tracking.tags import EXCLUDED_CASES, GATE_OVERRIDDEN, GROUPED, SPLIT

UNGROUPED_CAVEAT = (
    "The dataset does not identify patients: each image counts as its own patient, and intervals "
    "are too narrow if patients have several images."
)
IMAGE_LEVEL_SPLIT_CAVEAT = (
    "The split is by image, as configured: images of one patient occur in both training and test "
    "data, and all scores are optimistic."
)


def find_caveats(tags: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """List the limitations of some evaluations on one split, one sentence each.

    Args:
        tags: The tags of each evaluation.
    """
    return tuple(_iter_caveats(tags))


def _iter_caveats(tags: Sequence[Mapping[str, str]]) -> Iterable[str]:
    if any(run.get(GROUPED) != "true" for run in tags):
        yield UNGROUPED_CAVEAT
    grouped = [run for run in tags if run.get(GROUPED) == "true"]
    if any(run.get(SPLIT, "").startswith(("image-", "image_level-")) for run in grouped):
        yield IMAGE_LEVEL_SPLIT_CAVEAT
    overridden = sorted({codes for run in tags if (codes := run.get(GATE_OVERRIDDEN))})
    if overridden:
        yield (
            f"The data gate found errors ({'; '.join(overridden)}) and was overridden with "
            f"gate=warn{_excluded_cases_note(tags)}. See gate.json of the runs."
        )


def _excluded_cases_note(tags: Sequence[Mapping[str, str]]) -> str:
    count = max(int(run.get(EXCLUDED_CASES, 0)) for run in tags)
    cases = "unusable case was" if count == 1 else "unusable cases were"
    return f"; {count} {cases} excluded" if count else ""
