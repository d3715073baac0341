"""Display names of leaderboard rows."""

from collections.abc import Mapping, Sequence

from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import MODEL, MODEL_CONFIG_DIGEST


def row_names(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Name rows by their model; rows of one model also by the parameters that differ.

    Returns:
        Row digest to display name, in order of first appearance.
    """
    rows: dict[str, RunRecord] = {}
    for run in runs:
        if run.params or run.tags[MODEL_CONFIG_DIGEST] not in rows:
            rows[run.tags[MODEL_CONFIG_DIGEST]] = run
    names = {}
    for digest, run in rows.items():
        model = run.tags[MODEL]
        same_model = [other.params for other in rows.values() if other.tags[MODEL] == model]
        difference = _differing_params(run.params, same_model) or digest[:6]
        names[digest] = model if len(same_model) == 1 else f"{model} ({difference})"
    taken = list(names.values())
    return {digest: f"{name} {digest[:6]}" if taken.count(name) > 1 else name for digest, name in names.items()}


def _differing_params(params: Mapping[str, str], same_model: Sequence[Mapping[str, str]]) -> str:
    return ", ".join(
        f"{key.removeprefix('model.')}={value}"
        for key, value in sorted(params.items())
        if key.startswith(("model.", "training")) and len({row.get(key) for row in same_model}) > 1
    )
