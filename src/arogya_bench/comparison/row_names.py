"""Display names of leaderboard rows."""

import re
from collections.abc import Mapping, Sequence
from itertools import count

from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import MODEL, MODEL_CONFIG_DIGEST, read_model_params

DIGEST = re.compile(r"[0-9a-f]{32}")


def row_names(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Name rows by their model; rows of one model also by the parameters that differ, or else numbered by age.

    A run that failed has logged no params; those that it started with are in a tag. Digests, which nobody can read, are
    no part of a name. A row that was renamed has the name of its newest run.

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
        difference = _differing_params(params[digest], [params[other] for other in same_model if params[other]])
        names[digest] = f"{model} ({difference})" if difference and len(same_model) > 1 else model
    return _numbered(names)


def _numbered(names: Mapping[str, str]) -> dict[str, str]:
    """Number the rows of one name after the first, which keeps it; a number never makes a name that is taken."""
    taken: set[str] = set()
    numbered = {}
    for digest, name in names.items():
        candidates = (name if number == 1 else f"{name} #{number}" for number in count(1))
        numbered[digest] = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(numbered[digest])
    return numbered


def _differing_params(params: Mapping[str, str], same_model: Sequence[Mapping[str, str]]) -> str:
    return ", ".join(
        f"{key.removeprefix('model.')}={_readable(value)}"
        for key, value in sorted(params.items())
        if key.startswith(("model.", "training")) and len({_readable(row.get(key, "")) for row in same_model}) > 1
    )


def _readable(value: str) -> str:
    """A value of a param; the digest of a file, which nobody can read, is only said to be of one."""
    return "file" if DIGEST.fullmatch(value) else value
