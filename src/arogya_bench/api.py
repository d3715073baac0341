"""The public functions: evaluate a model, load predictions, compare the models of an experiment."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import pandas as pd

from arogya_bench.analysis.literature import LiteratureValue
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.comparison.logged_values import logged_values
from arogya_bench.comparison.requirements import Requirements, check_same
from arogya_bench.comparison.selection import Selection
from arogya_bench.configuration import compose
from arogya_bench.configuration.limit_files import load_limits
from arogya_bench.configuration.literature_files import load_literature
from arogya_bench.configuration.price_files import load_price_list
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.evaluation import evaluation
from arogya_bench.evaluation.job import DatasetSource, Job
from arogya_bench.prices.price_list import PriceList
from arogya_bench.report.document import render_pdf
from arogya_bench.report.page import render_html
from arogya_bench.runtime.store_urls import sqlite_path
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import get_run
from arogya_bench.tracking.store import absolute_uri, check_folder, default_uri, open_store
from arogya_bench.tracking.tags import KIND
from arogya_bench.types import Model

DEFAULT_METRIC = "f1_macro"


@dataclass(frozen=True, kw_only=True)
class Comparison(ComparisonTables):
    """The tables of a comparison, with a report as HTML or PDF."""

    def to_html(self, path: Path | str) -> None:
        """Write the report as one HTML file that needs no network access."""
        Path(path).write_text(render_html(self), encoding="utf-8")

    def to_pdf(self, path: Path | str) -> None:
        """Write the report as PDF; requires the extra ``report``."""
        Path(path).write_bytes(render_pdf(self))


def compare(  # noqa: PLR0913 - each is a question of the user
    experiment: str | Sequence[str],
    *,
    tracking_uri: str | None = None,
    where: str | None = None,
    sweep: str | None = None,
    run_ids: Sequence[str] = (),
    variants: str = "chosen",
    metric: str | None = None,
    prices: str | Path | PriceList | None = None,
    margin: float | None = None,
    limits: str | Path | Mapping[str, Any] | None = None,
    test: str | None = None,
    correction: str | None = None,
    literature: str | Path | Sequence[LiteratureValue | Mapping[str, Any]] = (),
) -> Comparison:
    """Compare the models of one or several MLflow experiments; images and model weights are not needed.

    Args:
        experiment: Name of the experiment, or several names of one store.
        tracking_uri: MLflow store. Defaults to ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in the
            working directory.
        where: An MLflow search filter that selects evaluations.
        sweep: Run id of a sweep, of which the evaluations are compared.
        run_ids: Of evaluations, if only these are compared.
        variants: Of rows that differ in hyperparameters only, ``chosen`` compares the one with the best score on the
            validation split, ``all`` compares all, although the best one on the test split looks better than it is.
        metric: The primary metric; by default that of the limits, else f1_macro. Datasets whose task lacks it use the
            default of their task, such as mAP50_95 for detection. A metric of another package is recomputed from the
            stored predictions with the installed version.
        prices: A price list: a YAML file, an option of the config group ``prices``, or the list itself.
            Costs are computed anew from what was measured; nothing is measured again. Defaults to
            ``default``, with which a machine that is not listed leaves the cost absent.
        margin: Loss of the primary metric that counts as none, so that cost may decide; by default that of the limits,
            else 0.02.
        limits: What a model must be shown to meet to be recommended: a YAML file, or a mapping with its keys. What it
            says of the metric, the margin and the analyses must not contradict the other arguments.
        test: Of the pairs: ``group_t``, the default, ``bootstrap``, ``paired_t``, ``wilcoxon``, ``mcnemar`` or
            ``delong``; one that does not fit the data is refused. The verdict rests on ``group_t`` in any case.
        correction: Of their p-values: ``max_t``, ``romano_wolf``, ``holm``, ``bonferroni`` or ``bh``; by default
            ``max_t``, and ``holm`` for another test than ``group_t``.
        literature: Numbers of publications to show beside ours, never tested against them: a YAML file, or a list of
            mappings with ``model``, ``dataset``, ``metric``, ``value``, ``source`` and ``caveat``.

    Raises:
        ConfigError: If the metric is unknown, its package is not installed, or it is defined for two
            classes only and a dataset has more; if the margin is not a number from 0; if there is
            no such price list or file; or if a number of a publication lacks a field or is out of range.
        PriceError: If the price list that was named is invalid, or no machine of it, or not the one that it
            names, has what was used.
        TrackingError: If the store cannot be read or has no finished evaluation.
    """
    if margin is not None and not (math.isfinite(margin) and margin >= 0):
        raise ConfigError(f"The margin {margin} is not a number from 0.", fix="give one such as 0.02.")
    requirements = Requirements() if limits is None else load_limits(limits)
    check_same("--metric", metric, requirements.metric)
    options = requirements.options(margin=margin, test=test, correction=correction)
    published = load_literature(literature)
    choice = PriceChoice(prices=_price_list(prices), named=prices is not None, today=datetime.now(UTC).date())
    selection = Selection(
        experiments=_experiment_names(experiment),
        where=(where or "").strip(),
        sweep=sweep,
        run_ids=tuple(run_ids),
        variants=variants,
    )
    store = open_store(tracking_uri, selection.experiments[0], create=False)
    return Comparison.from_store(
        store,
        selection=selection,
        metric=metric or requirements.metric or DEFAULT_METRIC,
        prices=choice,
        options=options,
        requirements=requirements,
        literature=published,
    )


def list_evaluations(
    experiment: str | Sequence[str],
    *,
    tracking_uri: str | None = None,
    where: str | None = None,
    sweep: str | None = None,
    run_ids: Sequence[str] = (),
) -> pd.DataFrame:
    """List the finished evaluations with the values and 95 % bounds that they logged; nothing is computed.

    Args:
        experiment: Name of the experiment, or several names of one store.
        tracking_uri: MLflow store, as of ``compare``.
        where: An MLflow search filter that selects evaluations.
        sweep: Run id of a sweep, of which the evaluations are listed.
        run_ids: Of evaluations, if only these are listed.

    Returns:
        One row per cell, the newest run of each: who was evaluated on what, and its metrics.

    Raises:
        TrackingError: If the store cannot be read or has no finished evaluation.
    """
    selection = Selection(
        experiments=_experiment_names(experiment), where=(where or "").strip(), sweep=sweep, run_ids=tuple(run_ids)
    )
    return logged_values(open_store(tracking_uri, selection.experiments[0], create=False), selection)


def _experiment_names(experiment: str | Sequence[str]) -> tuple[str, ...]:
    names = (experiment,) if isinstance(experiment, str) else tuple(experiment)
    if not names:
        raise ConfigError("No experiment is named.", fix="name at least one.")
    return names


def _price_list(prices: str | Path | PriceList | None) -> PriceList:
    if isinstance(prices, PriceList):
        return prices
    return _default_prices() if prices is None else load_price_list(prices)


@cache
def _default_prices() -> PriceList:
    return load_price_list("default")


def load_predictions(run_id: str, *, tracking_uri: str | None = None) -> pd.DataFrame:
    """Load the test predictions of an evaluation, or the validation predictions of a fit.

    Raises:
        TrackingError: If the run does not exist or has no predictions.
    """
    uri = absolute_uri(tracking_uri or default_uri())
    database = sqlite_path(uri)
    if database is not None:
        check_folder(database, create=False)
    run = get_run(uri, run_id)
    fitted = run.tags.get(KIND) == "fit"
    file = "predictions_validation.parquet" if fitted else "predictions.parquet"
    with fetch_artifact(run, file, uri=uri) as path:
        return pd.read_parquet(path)


def evaluate(
    model: str | Model,
    dataset: str | DatasetSource,
    *,
    augmentation: str = "clean",
    seed: int = 42,
    tracking_uri: str | None = None,
    overrides: Sequence[str] = (),
) -> evaluation.Evaluation:
    """Evaluate a model on one condition of a dataset and log the run as a sweep would.

    Args:
        model: Name of an option of the config group ``model``, or an adapter.
        dataset: Name of an option of the config group ``dataset``, or a dataset source.
        augmentation: Name of an option of the config group ``augmentation`` that has at most one
            severity, or a condition such as ``gaussian_noise_0.1``.
        seed: Seed of the fit.
        tracking_uri: MLflow store. Defaults to ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in the
            working directory.
        overrides: Further Hydra overrides, such as ``image_size=64``.

    Returns:
        The evaluation. It is always recomputed, because MLflow does not store all of it.

    Raises:
        UserError: If a name, the data or the store is invalid.
    """
    arguments = [f"augmentation={_augmentation_option(augmentation)}", f"seed={seed}", *overrides]
    for group, choice in (("model", model), ("dataset", dataset)):
        if isinstance(choice, str):
            arguments.append(f"{group}={choice}")
    request = compose.RunRequest(overrides=(*arguments, "sweep.resume=false"))
    (job,) = compose.compose_jobs(request)
    if not isinstance(model, str):
        config = {**job.config, "model": _adapter_config(model)}
        job = replace(job, model=model, model_name=type(model).__name__, config=config)
    if not isinstance(dataset, str):
        config = {**job.config, "dataset": _adapter_config(dataset)}
        job = replace(job, source=dataset, config=config)
    job = replace(job, conditions=(_select_condition(job, augmentation),))
    store = open_store(tracking_uri or job.tracking_uri, job.experiment, create=True)
    (result,) = evaluation.run_job(job, store, None)
    return result


def _adapter_config(adapter: Model | DatasetSource) -> dict[str, Any]:
    """Return the config to log for an adapter that was not built from a config."""
    fields: dict[str, Any] = asdict(cast("Any", adapter)) if is_dataclass(adapter) else {}
    adapter_class = type(adapter)
    plain = json.loads(json.dumps(fields, default=str))
    return {"_target_": f"{adapter_class.__module__}.{adapter_class.__qualname__}", **plain}


def _augmentation_option(name: str) -> str:
    """Return the config option of a condition: its name without the severity."""
    stem, _, severity = name.rpartition("_")
    return stem if stem and severity.replace(".", "").isdigit() else name


def _select_condition(job: Job, name: str) -> Condition:
    if len(job.conditions) == 1 and _augmentation_option(name) == name:
        return job.conditions[0]
    for condition in job.conditions:
        if condition.name == name:
            return condition
    names = [condition.name for condition in job.conditions]
    raise ConfigError(
        f"{name!r} is not one condition.{did_you_mean(name, names)}", fix=f"choose one of: {', '.join(names)}"
    )
