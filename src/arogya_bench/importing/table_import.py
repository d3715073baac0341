"""From a table of predictions to a plan of what to log; nothing is written before all of it is checked."""

from dataclasses import replace

from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.errors import ConfigError
from arogya_bench.importing.cells import build_cells, cells_of_test
from arogya_bench.importing.columns import ColumnOptions, match_columns
from arogya_bench.importing.identity import known_dataset, own_dataset, tie_cell, tie_rows
from arogya_bench.importing.rows import ImportRequest, read_rows
from arogya_bench.importing.run_items import ImportSource
from arogya_bench.importing.runs import ImportPlan
from arogya_bench.importing.table_files import SourceTable
from arogya_bench.scoring.classification import CLASSIFICATION


def plan_table(
    table: SourceTable, request: ImportRequest, *, dataset: str, split: DatasetSplit | None, resamples: int
) -> ImportPlan:
    """Check a table of predictions, and plan its runs.

    Args:
        table: The file.
        request: What the user says of it.
        dataset: Name of the file as a dataset of its own; ignored with a split.
        split: Of the dataset that the cases belong to; None without one.
        resamples: Number of bootstrap resamples; 0 for no intervals.

    Raises:
        UserError: If the table cannot be read as predictions, with the row and the fix.
    """
    if split is not None and split.test.dataset.task != CLASSIFICATION.name:
        raise ConfigError(
            f"{split.test.dataset.name} is a {split.test.dataset.task} dataset, and {table.name} is a table of labels.",
            fix="import boxes as COCO results: --format coco --annotations FILE.",
        )
    rows = read_rows(table, request, () if split is None else split.test.classes)
    rows = rows if split is None else tie_rows(rows, split)
    cells = build_cells(rows)
    if split is None:
        tested = cells_of_test(cells)[0].predictions
        grouped = rows.group_ids is not None
        on = own_dataset(dataset, tested, grouped=grouped, source=f"predictions imported from {table.name}")
        on = replace(on, ordered=bool(request.columns.classes))
    else:
        cells, on = [tie_cell(cell, rows, split) for cell in cells], known_dataset(split)
    unused = sum(len(cell.predictions.case_ids) for cell in cells if cell.part != "test" and cell.condition != "clean")
    notes = [f"Validation rows of degraded images, which are ignored: {unused}."] if unused else []
    source = ImportSource(name=table.name, digest=table.digest, notes=(*rows.notes, *notes))
    return ImportPlan(source=source, on=on, cells=tuple(cells), resamples=resamples)


def number_if_unnamed(table: SourceTable, options: ColumnOptions) -> ColumnOptions:
    """Number the rows of a table that MLflow logged without ids: it keeps their order."""
    numbered = "case" not in match_columns(table.columns, options)
    return replace(options, number_cases=True) if numbered else options
