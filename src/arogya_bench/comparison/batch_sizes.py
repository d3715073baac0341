"""Which batch size to take: the smallest one that is shown to be faster and has nearly the best throughput."""

from collections.abc import Sequence
from math import ceil, floor

from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.comparison.measurement_choice import USABLE_GRADES
from arogya_bench.comparison.measurement_tables import OK
from arogya_bench.comparison.table_cells import number, short, with_interval

RATE = "images_per_s"
ENOUGH = 0.95  # of the best throughput
BATCH_SIZE = "batch size"
_, LOW, HIGH = bounds(RATE)


def batch_size_rows(models: Sequence[str], throughput: Sequence[TableRow]) -> list[TableRow]:
    """For each model one row on the batch size, from the rows of the table of throughput.

    A larger batch is recommended only if its interval lies above that of the smallest one; without intervals nothing
    is said.
    """
    usable = [row for row in throughput if row["grade"] in USABLE_GRADES and row["status"] == OK and row[RATE]]
    by_model = {name: [row for row in usable if row["model"] == name] for name in models}
    return [
        _batch_row(name, tried)
        for name, tried in by_model.items()
        if len(tried) > 1 and all(None not in (row[LOW], row[HIGH]) for row in tried)
    ]


def _batch_row(name: str, tried: Sequence[TableRow]) -> TableRow:
    first, best = tried[0], max(tried, key=lambda row: number(row, RATE))
    chosen = _choose(tried, best)
    latency = chosen["ms_p50"]
    wait = "" if latency is None else f" A batch takes {short(latency)} ms."
    return {
        "kind": BATCH_SIZE,
        "model": name,
        "recommendation": f"{name}: batch {chosen['batch']} has {_describe(chosen, first, best, tried)}.{wait}",
        "evidence": f"{with_interval(chosen, RATE)} images/s at batch {chosen['batch']}; best "
        f"{with_interval(best, RATE)} at batch {best['batch']}; the smallest batch with at least "
        f"{100 * ENOUGH:.0f} % of the best, if its interval lies above that of batch {first['batch']}",
        "batch": chosen["batch"],
        RATE: chosen[RATE],
        "best_images_per_s": best[RATE],
        "latency_ms": latency,
    }


def _choose(tried: Sequence[TableRow], best: TableRow) -> TableRow:
    """The smallest batch if it is enough or no other is shown to be faster, else the next one that is both."""
    first = tried[0]
    enough = [row for row in tried if number(row, RATE) >= ENOUGH * number(best, RATE)]
    return next((row for row in enough if row is first or number(row, LOW) > number(first, HIGH)), first)


def _describe(chosen: TableRow, first: TableRow, best: TableRow, tried: Sequence[TableRow]) -> str:
    rate, share = short(chosen[RATE]), number(chosen, RATE) / number(best, RATE)
    if share < ENOUGH:
        return (
            f"{rate} images/s, and no larger batch is shown to be faster (batch {best['batch']}: {short(best[RATE])})"
        )
    part = "its best throughput" if chosen is best else f"{floor(100 * share)} % of its best throughput"
    if chosen is not first:
        return (
            f"{part} ({rate} images/s, {number(chosen, RATE) / number(first, RATE):.2f} times batch {first['batch']})"
        )
    gain = max(number(row, HIGH) for row in tried[1:]) / number(first, LOW) - 1
    return f"{part} ({rate} images/s); larger batches gain at most {max(ceil(100 * gain), 0)} %"
