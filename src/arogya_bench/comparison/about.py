"""What a comparison says about itself: how it was made, of which runs, on which machine, at which prices."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.comparison.loading import LoadedEvaluations
from arogya_bench.comparison.measurements import BlockMeasurements
from arogya_bench.comparison.table_frames import MEASURED_TABLES, to_records
from arogya_bench.runtime.digests import digest_of
from arogya_bench.statistics.paired_differences import ALPHA

COMPARISON_VERSION = 4  # rises when equal evaluations give another comparison


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest:
    """What was asked for: the experiment, the primary metric, the filter, and how it is computed."""

    experiment: str
    metric: str
    where: str
    resamples: int
    margin: float


def describe_comparison(
    request: ComparisonRequest,
    loaded: LoadedEvaluations,
    tables: Mapping[str, pd.DataFrame],
    *,
    measured: Sequence[BlockMeasurements],
    prices: PriceChoice | None,
) -> dict[str, object]:
    """The entry ``about`` of a comparison; its ``key`` changes with everything that the numbers rest on."""
    blocks, metric = loaded.blocks, request.metric
    used_prices = None if tables["cost"].empty else describe_prices(prices)
    runs = sorted(run.run_id for block in blocks for run in block.runs.values())
    versions = {block.task.name: block.task.version for block in blocks} | {
        plugin.name: plugin.spec.version for block in blocks for plugin in block.task.plugin_metrics
    }
    evidence = {
        "runs": runs,
        "missing": to_records(tables["missing"]),
        "measured": _evidence(tables),
        "metric": metric,
        "version": versions,
        "comparison_version": COMPARISON_VERSION,
        "where": request.where,
        "margin": request.margin,
        "prices": used_prices,
        "gate": [finding for block in blocks for finding in block.gate_findings],
    }
    datasets = [_describe_dataset(block, metric) for block in blocks]
    return {
        "experiment": request.experiment,
        "where": request.where,
        "metric": _join_unique(datasets, "metric"),
        "direction": _join_unique(datasets, "direction"),
        "confidence": 0.95,
        "alpha": ALPHA,
        "verdict_rule": "it names a model that is shown to be better than each other one, every pair by itself, since "
        "it must win all of them; the table of pairs is corrected",
        "correction": "adjustment by the largest of all correlated statistics of one dataset (single-step max-t)",
        "interval": "bootstrap over groups (patients), BCa where defined; within classes for balanced accuracy, recall "
        "of a class and AUROC, which do not depend on the class frequencies; of several seeds and of differences by "
        "Student's t with the variance over groups and seeds",
        "resamples": request.resamples,
        "metrics_version": versions,
        "evaluations": len(runs),
        "datasets": datasets,
        "datasets_without_result": [
            {"dataset": failed.dataset, "split": failed.split, "reason": failed.reason}
            for failed in loaded.without_result
        ],
        "measurements": [
            _describe_measurements(block.dataset, found) for block, found in zip(blocks, measured, strict=True)
        ],
        "margin": request.margin,
        "prices": used_prices,
        "key": digest_of(evidence),
    }


def _describe_dataset(block: ComparableRuns, requested_metric: str) -> dict[str, object]:
    metric = block.primary_metric(requested_metric)
    return {
        "dataset": block.dataset,
        "task": block.task.name,
        "metric": metric,
        "direction": block.task.metrics[metric].best,
        "summary": block.task.metrics[metric].summary,
        "secondary_metrics": [name for name in block.task.secondary_metrics if name != metric],
        "grouped": block.grouped,
        "caveats": list(block.caveats),
        "gate_findings": [dict(finding) for finding in block.gate_findings],
        "name": block.name,
        "digest": block.digest,
        "split": block.split,
        "split_digest": block.split_digest,
    }


def _join_unique(datasets: Sequence[Mapping[str, object]], key: str) -> str:
    return ", ".join(dict.fromkeys(str(dataset[key]) for dataset in datasets))


def _describe_measurements(dataset: str, measured: BlockMeasurements) -> dict[str, object]:
    taken = list(measured.by_row.values())
    return {
        "dataset": dataset,
        "machine": measured.machine,
        "device": ", ".join(measured.devices) or None,
        "protocols": sorted({measurement.protocol for measurement in taken}),
        "sessions": sorted({measurement.session for measurement in taken}),
        "measured": len(taken),
        "caveats": list(measured.caveats),
    }


def describe_prices(choice: PriceChoice | None) -> dict[str, object] | None:
    """The price list with its currency, source, dates and assumptions; None without one."""
    if choice is None:
        return None
    prices = choice.prices
    return {
        "name": prices.name,
        "currency": prices.currency,
        "usd_per_unit": prices.usd,
        "source": prices.source,
        "valid_from": prices.valid_from,
        "valid_to": prices.valid_to,
        "utilisation": prices.utilisation,
        "energy_per_kwh": prices.energy_per_kwh,
        "grid_g_co2_per_kwh": prices.grid_g_co2_per_kwh,
        "grid_source": prices.grid_source,
        "machine": prices.machine,
        "digest": digest_of(asdict(prices)),
    }


def _evidence(tables: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    """What was measured and what it costs, without the sentences that depend on the day of the comparison."""
    return {name: to_records(tables[name].drop(columns="assumption", errors="ignore")) for name in MEASURED_TABLES}
