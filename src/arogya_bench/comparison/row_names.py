"""Display names of leaderboard rows."""

from collections.abc import Mapping, Sequence

from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import MODEL, MODEL_CONFIG_DIGEST, read_model_params


def row_names(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Name rows by their model; rows of one model also by the parameters that differ.

    A run that failed has logged no params; those that it started with are in a tag. Of runs of earlier versions without
    a tag only the digest is known.

    Returns:
        Row digest to display name, in order of first appearance.
    """
    models: dict[str, str] = {}
    params: dict[str, Mapping[str, str]] = {}
    for run in runs:
        digest = run.tags[MODEL_CONFIG_DIGEST]
        models[digest] = run.tags[MODEL]
        params[digest] = run.params or read_model_params(run.tags) or params.get(digest, {})
    names = {}
    for digest, model in models.items():
        same_model = [other for other in models if models[other] == model]
        known = [params[other] for other in same_model if params[other]]
        difference = _differing_params(params[digest], known)
        if not difference and (len(known) > 1 or not params[digest]):
            difference = digest[:6]
        names[digest] = f"{model} ({difference})" if difference and len(same_model) > 1 else model
    taken = list(names.values())
    return {digest: f"{name} {digest[:6]}" if taken.count(name) > 1 else name for digest, name in names.items()}


def _differing_params(params: Mapping[str, str], same_model: Sequence[Mapping[str, str]]) -> str:
    return ", ".join(
        f"{key.removeprefix('model.')}={value}"
        for key, value in sorted(params.items())
        if key.startswith(("model.", "training")) and len({row.get(key) for row in same_model}) > 1
    )
