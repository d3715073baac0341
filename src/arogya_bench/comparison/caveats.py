"""Limitations of the data behind a comparison, read from the tags of its runs."""

import re
from collections.abc import Mapping, Sequence

from arogya_bench.comparison.verdict_words import MAX_NAMES, join_names
from arogya_bench.tracking.tags import (
    API_TERMS,
    API_TIER,
    CASES_LEFT_OUT,
    EXCLUDED_CASES,
    GATE_OVERRIDDEN,
    GROUPED,
    IMPORTED_FROM,
    MODEL,
    SPLIT,
    TRAINED_ON,
    model_without_control,
)

TRAINED_ON_TEST = "AB501"
ERROR_CODE = re.compile(r"\bAB\d{3}\b")
UNGROUPED_CAVEAT = (
    "The dataset does not identify patients: each image counts as its own patient, and intervals "
    "are too narrow if patients have several images."
)
IMAGE_LEVEL_SPLIT_CAVEAT = (
    "The split is by image, as configured: images of one patient occur in both training and test "
    "data, and all scores are optimistic."
)


def find_caveats(tags: Sequence[Mapping[str, str]], *, gate_summaries: Sequence[str] = ()) -> tuple[str, ...]:
    """List the limitations of some evaluations on one split, one sentence each.

    Args:
        tags: The tags of each evaluation.
        gate_summaries: Summaries of the gate whose findings are not in the store.
    """
    caveats = []
    caveats += [f"{summary} The findings themselves are missing from the store." for summary in gate_summaries]
    if any(run.get(GROUPED) != "true" for run in tags):
        caveats.append(UNGROUPED_CAVEAT)
    grouped = [run for run in tags if run.get(GROUPED) == "true"]
    if any(run.get(SPLIT, "").startswith(("image-", "image_level-")) for run in grouped):
        caveats.append(IMAGE_LEVEL_SPLIT_CAVEAT)
    if overridden := sorted({codes for run in tags if (codes := run.get(GATE_OVERRIDDEN)) and not _is_declared(run)}):
        count = max(int(run.get(EXCLUDED_CASES, 0)) for run in tags)
        excluded = f"; {count} unusable {'case was' if count == 1 else 'cases were'} excluded" if count else ""
        caveats.append(
            f"The data gate found errors ({'; '.join(overridden)}) and was overridden with "
            f"gate=warn{excluded}. See gate.json of the runs."
        )
    if left_out := max((int(run.get(CASES_LEFT_OUT, 0)) for run in tags), default=0):
        were = "case was" if left_out == 1 else "cases were"
        caveats.append(
            f"{left_out} {were} left out of the dataset by its user (dataset.exclude). See gate.json of the runs."
        )
    return (*caveats, *_import_caveats(tags), *_api_caveats(tags))


def _is_declared(run: Mapping[str, str]) -> bool:
    """Whether the only error is what was declared of the weights, perhaps later: a finding of its own says so."""
    codes = run.get(GATE_OVERRIDDEN, "")
    return (
        TRAINED_ON in run and codes.startswith(TRAINED_ON_TEST) and not ERROR_CODE.search(codes, len(TRAINED_ON_TEST))
    )


def _import_caveats(tags: Sequence[Mapping[str, str]]) -> list[str]:
    """Which models nobody saw the images of."""
    imported = [run for run in tags if run.get(IMPORTED_FROM)]
    if not imported:
        return []
    models, sources = (list(dict.fromkeys(run.get(tag, "") for run in imported)) for tag in (MODEL, IMPORTED_FROM))
    named = ", ".join(sources) if len(sources) <= MAX_NAMES else f"{len(sources)} files or runs"
    return [
        f"The predictions of {join_names(models, 'and')} were imported ({named}): the data gate did not check their "
        "images, and their latency and cost cannot be measured without the model itself (model=pyfunc)."
    ]


def _api_caveats(tags: Sequence[Mapping[str, str]]) -> list[str]:
    """What limits the use of models behind APIs, and what nobody outside their provider knows."""
    terms: dict[str, dict[str, None]] = {}
    for run in tags:
        if run.get(API_TERMS):
            terms.setdefault(run[API_TERMS], {})[model_without_control(run)] = None
    caveats = [f"Research comparison ({', '.join(names)}): {text}." for text, names in terms.items()]
    hosted = dict.fromkeys(model_without_control(run) for run in tags if run.get(API_TIER) in ("paid", "free"))
    if hosted:
        caveats.append(
            f"Nobody outside the provider knows whether {', '.join(hosted)} was trained on images of this dataset: a "
            "public one may have been among them."
        )
    return caveats
