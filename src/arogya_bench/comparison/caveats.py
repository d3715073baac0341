"""What a reader of the numbers must be told about the data behind them, from the tags of runs."""

from collections.abc import Iterable, Mapping, Sequence

from arogya_bench.tracking.tags import EXCLUDED_CASES, GATE_OVERRIDDEN, GROUPED, SPLIT

UNGROUPED_CAVEAT = (
    "The source names no patients: each image counts as its own patient, and the intervals are too "
    "narrow if patients repeat."
)
IMAGE_LEVEL_SPLIT_CAVEAT = (
    "Split by image, as was asked for: patients lie on both sides of the split, and every score "
    "here is too good."
)


def find_caveats(runs: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Say what limits the numbers of some evaluations on one split.

    Args:
        runs: The tags of each.
    """
    return tuple(_iter_caveats(runs))


def _iter_caveats(runs: Sequence[Mapping[str, str]]) -> Iterable[str]:
    if any(tags.get(GROUPED) != "true" for tags in runs):
        yield UNGROUPED_CAVEAT
    grouped = [tags for tags in runs if tags.get(GROUPED) == "true"]
    if any(tags.get(SPLIT, "").startswith(("image-", "image_level-")) for tags in grouped):
        yield IMAGE_LEVEL_SPLIT_CAVEAT
    overridden = sorted({codes for tags in runs if (codes := tags.get(GATE_OVERRIDDEN))})
    if overridden:
        yield (
            f"The gate found errors in the data ({'; '.join(overridden)}) and was overridden "
            f"(gate=warn){_excluded_cases_note(runs)}: see gate.json of the runs."
        )


def _excluded_cases_note(runs: Sequence[Mapping[str, str]]) -> str:
    most = max(int(tags.get(EXCLUDED_CASES, 0)) for tags in runs)
    cases = "case that cannot be used was" if most == 1 else "cases that cannot be used were"
    return f"; {most} {cases} left out" if most else ""
