"""What a comparison says about itself: how it was made, of which runs, on which machine, at which prices."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import pandas as pd

from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.pair_test_check import CORRECTIONS
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.comparison.dataset_card import describe_source, describe_test_cases
from arogya_bench.comparison.loading import LoadedEvaluations
from arogya_bench.comparison.measurements import BlockMeasurements
from arogya_bench.comparison.requirements import Requirements
from arogya_bench.comparison.run_table import utc_time
from arogya_bench.comparison.selection import CHOSEN_VARIANTS, Selection
from arogya_bench.comparison.table_frames import MEASURED_TABLES, to_records
from arogya_bench.comparison.tables import BlockTables
from arogya_bench.comparison.thumbnails import count_consents
from arogya_bench.runtime.digests import digest_of
from arogya_bench.statistics.paired_differences import ALPHA

COMPARISON_VERSION = 7  # rises when equal evaluations give another comparison

VERDICT_RULE = (
    "ahead is a model that is shown to be better than each other one that may be recommended, every pair by itself, "
    "since it must win all of them, by Student's t with the variance over groups and seeds, whichever test is chosen "
    "for the table of pairs; that table is corrected. Recommended is the only one that is shown to meet "
    "every limit, or one that is shown to lose less than the margin against each other one, of several such that which "
    "is shown to cost least. Limits are compared with bounds, not with estimates"
)


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest:
    """What was asked for: the experiments, the primary metric, which evaluations, and how it is computed.

    Attributes:
        test: Of the table of pairs, as ``correction`` is that of its p-values.
    """

    experiments: tuple[str, ...]
    metric: str
    selection: Selection
    resamples: int
    options: AnalysisOptions
    requirements: Requirements


def describe_comparison(
    request: ComparisonRequest,
    loaded: LoadedEvaluations,
    tables: Mapping[str, pd.DataFrame],
    *,
    compared: Sequence[BlockTables],
    prices: PriceChoice | None,
) -> dict[str, object]:
    """The entry ``about`` of a comparison; its ``key`` changes with everything that the numbers rest on."""
    blocks, metric = loaded.blocks, request.metric
    used_prices = None if tables["cost"].empty else describe_prices(prices)
    versions = {block.task.name: block.task.version for block in blocks} | {
        plugin.name: plugin.spec.version for block in blocks for plugin in block.task.plugin_metrics
    }
    datasets = [
        {**_describe_dataset(block, metric), **describe_test_cases(of_block.study), "card": describe_source(block)}
        for block, of_block in zip(blocks, compared, strict=True)
    ]
    return {
        "experiment": ", ".join(request.experiments),
        "experiments": list(request.experiments),
        **_describe_selection(request.selection),
        "version": version("arogya-bench"),
        **_describe_dates(blocks),
        "metric": _join_unique(datasets, "metric") or metric,
        "direction": _join_unique(datasets, "direction"),
        "confidence": 0.95,
        "alpha": ALPHA,
        "verdict_rule": VERDICT_RULE,
        "correction": CORRECTIONS[request.options.correction],
        "interval": "bootstrap over groups (patients), BCa where defined; within classes for balanced accuracy, recall "
        "of a class and AUROC, which do not depend on the class frequencies; of several seeds and of differences by "
        "Student's t with the variance over groups and seeds",
        "resamples": request.resamples,
        "metrics_version": versions,
        "evaluations": sum(len(block.all_runs) for block in blocks),
        "datasets": datasets,
        "datasets_without_result": [
            {"dataset": failed.dataset, "split": failed.split, "reason": failed.reason}
            for failed in loaded.without_result
        ],
        "measurements": [
            _describe_measurements(block.dataset, of_block.measured)
            for block, of_block in zip(blocks, compared, strict=True)
        ],
        "margin": request.options.margin,
        "requirements": request.requirements.to_record() if request.requirements.limits else None,
        "prices": used_prices,
        "key": _digest_evidence(request, loaded, tables, versions=versions, prices=used_prices),
    }


def _digest_evidence(
    request: ComparisonRequest,
    loaded: LoadedEvaluations,
    tables: Mapping[str, pd.DataFrame],
    *,
    versions: Mapping[str, object],
    prices: Mapping[str, object] | None,
) -> str:
    """The key of a comparison: equal for the same request on the same runs."""
    return digest_of(
        {
            "runs": sorted(run.run_id for block in loaded.blocks for run in block.all_runs),
            "missing": to_records(tables["missing"]),
            "measured": _evidence(tables),
            "metric": request.metric,
            "version": versions,
            "comparison_version": COMPARISON_VERSION,
            **_describe_selection(request.selection),
            "options": asdict(request.options),
            "requirements": request.requirements.to_record(),
            "prices": prices,
            "literature": to_records(tables["literature"]),
            "gate": [finding for block in loaded.blocks for finding in block.gate_findings],
        }
    )


def _describe_dates(blocks: Sequence[ComparableRuns]) -> dict[str, object]:
    """The days (UTC) on which the first of the evaluations began and the last one ended; None if none has finished."""
    runs = [run for block in blocks for run in block.all_runs]
    if not runs:
        return {"evaluated_from": None, "evaluated_to": None}
    first, last = min(run.start_time for run in runs), max(run.end_time or run.start_time for run in runs)
    return {"evaluated_from": _day(first), "evaluated_to": _day(last)}


def _day(milliseconds: int) -> str:
    return str(utc_time(milliseconds)).partition("T")[0]


def _describe_selection(selection: Selection) -> dict[str, object]:
    """The filter, and the sweep and runs that were named, if any."""
    sweep = {"sweep": selection.sweep} if selection.sweep else {}
    runs = {"run_ids": list(selection.run_ids)} if selection.run_ids else {}
    variants = {"variants": selection.variants} if selection.variants != CHOSEN_VARIANTS else {}
    return {"where": selection.where, **sweep, **runs, **variants}


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
        "thumbnails": count_consents(block),
        "rows": {name: digest for digest, name in block.row_names.items()},
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
