"""The tables of a comparison that do not follow from one dataset alone: mean ranks over datasets, and literature."""

from collections.abc import Iterable, Sequence

from arogya_bench.analysis.across_datasets import across_datasets_rows
from arogya_bench.analysis.literature import LiteratureValue, literature_rows
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.tables import BlockTables
from arogya_bench.scoring.tasks import TASKS


def across_blocks(blocks: Sequence[ComparableRuns], compared: Sequence[BlockTables]) -> list[TableRow]:
    """Mean ranks over the datasets of a comparison.

    Several splits of one dataset share its images, and would count one result several times: that with most test
    cases stands for it.
    """
    by_digest: dict[str, list[tuple[str, Study]]] = {}
    for block, tables in zip(blocks, compared, strict=True):
        if tables.study is not None:
            by_digest.setdefault(block.digest, []).append((block.dataset, tables.study))
    studies, left_out = [], []
    for splits in by_digest.values():
        dataset, largest = max(splits, key=lambda split: split[1].cases.cases)
        studies.append(largest)
        left_out += [
            f"{other} is left out, since it has the images of {dataset}"
            for other, study in splits
            if study is not largest
        ]
    return across_datasets_rows(studies, left_out)


def literature_of_blocks(values: Iterable[LiteratureValue], blocks: Sequence[ComparableRuns]) -> list[TableRow]:
    """Numbers of publications on the datasets of a comparison, which are known by their name with or without digests.

    Raises:
        ConfigError: For an unknown metric, or a value beyond the range of its metric.
    """
    datasets: dict[str, list[str]] = {}
    for block in blocks:
        for name in dict.fromkeys((block.name, block.dataset)):
            datasets.setdefault(name, []).append(block.dataset)
    tasks = (*TASKS.values(), *(block.task for block in blocks))
    metrics = {name: definition for task in tasks for name, definition in task.metrics.items()}
    return literature_rows(values, datasets, metrics)
