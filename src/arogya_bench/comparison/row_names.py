"""Names of leaderboard rows: their model, and what tells two rows of one model apart."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import MODEL, MODEL_CONFIG_DIGEST


def row_names(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Name the rows by their model; where two rows share a name, by what differs as well.

    Returns:
        Row digest to name, in the order of first appearance.
    """
    rows: dict[str, RunRecord] = {}
    for run in runs:
        if run.params or run.tags[MODEL_CONFIG_DIGEST] not in rows:
            rows[run.tags[MODEL_CONFIG_DIGEST]] = run
    named: dict[str, list[str]] = defaultdict(list)
    for row, run in rows.items():
        named[run.tags[MODEL]].append(row)
    labels = {}
    for row, run in rows.items():
        model = run.tags[MODEL]
        rivals = [rows[each].params for each in named[model]]
        labels[row] = model + (
            f" ({_distinguishing_params(run.params, rivals, row)})" if rivals[1:] else ""
        )
    names = list(labels.values())
    return {
        row: f"{name} {row[:6]}" if names.count(name) > 1 else name for row, name in labels.items()
    }


def _distinguishing_params(
    params: Mapping[str, str], rivals: Sequence[Mapping[str, str]], row: str
) -> str:
    keys = [
        key
        for key in sorted(params)
        if key.startswith(("model.", "training")) and len({each.get(key) for each in rivals}) > 1
    ]
    parts = [f"{key.removeprefix('model.')}={params[key]}" for key in keys]
    return ", ".join(parts) or row[:6]
