"""Which evaluations form a block that may be compared, and what that block is called."""

from collections.abc import Sequence

from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import DATASET, DATASET_DIGEST, SPLIT, SPLIT_DIGEST, TASK


def block_key(run: RunRecord) -> tuple[str, str, str, str]:
    """What must be equal: one dataset can ask for labels, or for boxes."""
    return run.tags[DATASET], run.tags[DATASET_DIGEST], run.tags[SPLIT_DIGEST], run.tags[TASK]


def block_sort_key(block: tuple[tuple[str, str, str, str], Sequence[RunRecord]]) -> tuple[str, ...]:
    """Datasets by name, and the folds of one in their order."""
    (name, digest, split_digest, task), members = block
    return name, digest, members[0].tags.get(SPLIT, ""), split_digest, task


def qualified_name(run: RunRecord) -> str:
    """The name of a block where several are of one dataset."""
    name, digest, split_digest, task = block_key(run)
    return f"{name} ({digest[:6]}-{split_digest[:6]}, {run.tags[SPLIT]}, {task})"
