"""The public functions: run a sweep, evaluate a model, load predictions, compare the models of an experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Self

import pandas as pd

from arogya_bench.analysis.literature import LiteratureValue
from arogya_bench.analysis.table_rows import bounds
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.comparison.logged_values import EVALUATION_COLUMNS, logged_values
from arogya_bench.comparison.requirements import Requirements, check_same
from arogya_bench.comparison.selection import CHOSEN_VARIANTS, Selection, nothing_finished, read_cells
from arogya_bench.configuration.compose import RunRequest, compose_jobs
from arogya_bench.configuration.limit_files import load_limits
from arogya_bench.configuration.literature_files import load_literature
from arogya_bench.configuration.price_files import load_price_list
from arogya_bench.configuration.python_arguments import (
    check_content,
    check_experiments,
    check_margin,
    check_run_ids,
    check_texts,
)
from arogya_bench.configuration.python_values import (
    dataset_overrides,
    to_choices,
    to_options,
    to_override,
    to_overrides,
)
from arogya_bench.errors import ConfigError, TrackingError
from arogya_bench.evaluation.evaluation import Evaluation, run_job
from arogya_bench.evaluation.given_objects import (
    augmentation_option,
    check_dataset,
    check_model,
    with_condition,
    with_model,
    with_source,
)
from arogya_bench.evaluation.job import DatasetSource
from arogya_bench.prices.price_list import PriceList
from arogya_bench.report.document import render_pdf
from arogya_bench.report.latex import save_latex
from arogya_bench.report.markdown import render_markdown
from arogya_bench.report.notebook import comparison_html, comparison_text, sweep_html
from arogya_bench.report.page import render_html
from arogya_bench.report.plots import ComparisonPlots
from arogya_bench.report.site import write_site
from arogya_bench.report.words import load_words
from arogya_bench.runtime.console import plural
from arogya_bench.runtime.store_urls import sqlite_path
from arogya_bench.sweeps.sweep import perform_sweep
from arogya_bench.sweeps.sweep_end import FAILURE_COLUMNS
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import get_run
from arogya_bench.tracking.store import Store, absolute_uri, check_folder, default_uri, open_store, with_experiments
from arogya_bench.tracking.tags import KIND
from arogya_bench.types import Model

DEFAULT_METRIC = "f1_macro"


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison(ComparisonTables):
    """The tables of a comparison, with a report as HTML, PDF, Markdown or LaTeX.

    Attributes:
        store: Where its runs are, for the link in a notebook; None if it is not known.
    """

    store: Store | None = field(default=None, compare=False)

    def to_html(self, path: Path | str, *, server: str = "") -> None:
        """Write the report as one HTML file that needs no network access.

        Args:
            path: Of the file.
            server: Address of ``mlflow ui``, such as ``http://127.0.0.1:5000``, to which runs are linked.
        """
        Path(path).write_text(render_html(self, server=server), encoding="utf-8")

    def to_pdf(self, path: Path | str, *, server: str = "") -> None:
        """Write the report as PDF, with arguments as of ``to_html``; requires the extra ``report``."""
        Path(path).write_bytes(render_pdf(self, server=server))

    def to_site(self, folder: Path | str, *, server: str = "") -> None:
        """Write the report as a folder of static pages, which any web server shows; arguments as of ``to_html``."""
        write_site(self, Path(folder), server=server)

    def to_markdown(self, path: Path | str) -> None:
        """Write the report without charts as Markdown, with the tables of GitHub."""
        Path(path).write_text(render_markdown(self), encoding="utf-8")

    def to_latex(self, folder: Path | str) -> None:
        """Write each table of the report as a LaTeX file, which needs the packages booktabs and longtable."""
        save_latex(self, Path(folder))

    def with_wording(self, wording: str | Path | Mapping[str, Any]) -> Self:
        """Return the comparison with other words for its reports: ``de``, or a YAML file or its content.

        Raises:
            ConfigError: If there is no such language or file, or the file has an unknown key.
        """
        return replace(self, about={**self.about, "wording": load_words(wording).source})

    @property
    def plot(self) -> ComparisonPlots:
        """Charts by method, such as ``plot.robustness()``; it prints their names."""
        return ComparisonPlots(tables=self)

    def __repr__(self) -> str:
        """The verdict of each dataset."""
        return comparison_text(self)

    def _repr_html_(self) -> str:
        """The verdict, the leaderboard and charts of each dataset, and a link to the runs, for notebooks."""
        return comparison_html(self, self.store)


class NothingFinished(TrackingError):
    """No evaluation has finished, so that there is nothing to compare.

    Attributes:
        comparison: What the reports of that say: which evaluations failed, and why.
    """

    def __init__(self, problem: str, *, fix: str, comparison: Comparison) -> None:
        super().__init__(problem, fix=fix)
        self.comparison = comparison

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling, as of any error with advice."""
        return partial(type(self), self.problem, fix=self.fix, comparison=self.comparison), ()


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
        TrackingError: If the store cannot be read or has no finished evaluation; if all failed, its attribute
            ``comparison`` can be written as a report that says so.
    """
    check_texts(tracking_uri=tracking_uri, metric=metric, test=test, correction=correction)
    check_content("prices", prices, PriceList)
    check_content("limits", limits, Mapping)
    check_content("literature", literature, Sequence)
    check_margin(margin)
    requirements = Requirements() if limits is None else load_limits(limits)
    check_same("--metric", metric, requirements.metric)
    options = requirements.options(margin=margin, test=test, correction=correction)
    published = load_literature(literature)
    choice = PriceChoice(prices=_price_list(prices), named=prices is not None, today=datetime.now(UTC).date())
    selection = _select(experiment, where, sweep, run_ids, variants)
    store = open_store(tracking_uri, selection.experiments[0], create=False)
    found = Comparison.from_store(
        store,
        selection=selection,
        metric=metric or requirements.metric or DEFAULT_METRIC,
        prices=choice,
        options=options,
        requirements=requirements,
        literature=published,
    )
    found = replace(found, store=store)
    if not found.about["datasets"]:
        experiments = with_experiments(store, selection.experiments)
        refusal = nothing_finished(experiments, selection, read_cells(experiments, selection))
        raise NothingFinished(refusal.problem, fix=refusal.fix, comparison=found)
    return found


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
    check_texts(tracking_uri=tracking_uri)
    selection = _select(experiment, where, sweep, run_ids)
    return logged_values(open_store(tracking_uri, selection.experiments[0], create=False), selection)


def _select(
    experiment: str | Sequence[str],
    where: str | None,
    sweep: str | None,
    run_ids: Sequence[str],
    variants: str = CHOSEN_VARIANTS,
) -> Selection:
    check_texts(where=where, sweep=sweep, variants=variants)
    return Selection(
        experiments=check_experiments(experiment),
        where=(where or "").strip(),
        sweep=sweep,
        run_ids=check_run_ids(run_ids),
        variants=variants,
    )


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
    if run_id is None:
        raise ConfigError("run_id is None.", fix="give the id of a run, such as one of leaderboard['run_ids'][0].")
    check_texts(run_id=run_id, tracking_uri=tracking_uri)
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
    dataset: str | Path | DatasetSource,
    *,
    augmentation: str = "clean",
    seed: int = 42,
    tracking_uri: str | None = None,
    overrides: Sequence[str] | Mapping[str, object] = (),
) -> Evaluation:
    """Evaluate a model on one condition of a dataset and log the run as a sweep would.

    Args:
        model: Name of an option of the config group ``model``, or an adapter.
        dataset: Name of an option of the config group ``dataset``, a folder of class folders, or a dataset source.
        augmentation: Name of an option of the config group ``augmentation`` that has at most one
            severity, or a condition such as ``gaussian_noise_0.1``.
        seed: Seed of the fit.
        tracking_uri: MLflow store. Defaults to ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in the
            working directory.
        overrides: Further Hydra overrides, such as ``["image_size=64"]``, or ``{"image_size": 64}``.

    Returns:
        The evaluation. It is always recomputed, because MLflow does not store all of it.

    Raises:
        UserError: If a name, an argument, the data or the store is invalid.
    """
    check_model(model)
    check_texts(tracking_uri=tracking_uri)
    further = to_overrides(overrides)
    arguments = [to_override("augmentation", augmentation_option(augmentation)), to_override("seed", seed)]
    if isinstance(model, str):
        arguments.append(to_override("model", model))
    if isinstance(dataset, str | Path):
        arguments += dataset_overrides(dataset, further)
    else:
        check_dataset(dataset)
    (job,) = compose_jobs(RunRequest(overrides=(*arguments, *further, "sweep.resume=false")))
    if not isinstance(model, str):
        job = with_model(job, model)
    if not isinstance(dataset, str | Path):
        job = with_source(job, dataset)
    job = with_condition(job, augmentation)
    store = open_store(tracking_uri or job.tracking_uri, job.experiment, create=True)
    (result,) = run_job(job, store, None)
    return result


def run(  # noqa: PLR0913 - each is a question of the user
    *,
    model: str | Sequence[str] | None = None,
    dataset: str | Path | Sequence[str | Path] | None = None,
    augmentation: str | Sequence[str] | None = None,
    training: str | Sequence[str] | None = None,
    seed: int | Sequence[int] | None = None,
    experiment: str | None = None,
    tracking_uri: str | None = None,
    overrides: Sequence[str] | Mapping[str, object] = (),
) -> "Sweep":
    """Run a sweep as ``arogya-bench run -m`` does: every combination, and only what MLflow does not hold yet.

    Progress and messages go to standard error. None stands for the default of the config.

    Args:
        model: Name of an option of the config group ``model``, or a list of names.
        dataset: Name of an option of the config group ``dataset``, a folder of class folders, or a list of either.
        augmentation: Name of an option of the config group ``augmentation``, such as ``all``, or a list of names.
        training: Name of an option of the config group ``training``, or a list of names.
        seed: Seed of the fits, or a list of seeds.
        experiment: Name of the MLflow experiment.
        tracking_uri: MLflow store. Defaults to ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in the
            working directory.
        overrides: Further Hydra overrides, such as ``["dataset.cases=600", "measure=quick"]``, or a mapping such as
            ``{"dataset.cases": 600}``. A value such as ``"training.epochs=1,2"`` runs both.

    Returns:
        How the sweep ended, with its evaluations. A job that failed raises no error: ``failures`` lists it.

    Raises:
        UserError: If a name, an argument, the data or the store is invalid, before any work starts.
    """
    check_texts(experiment=experiment, tracking_uri=tracking_uri)
    further = to_overrides(overrides)
    options = {"model": model, "augmentation": augmentation, "training": training}
    arguments = [line for group, names in options.items() for line in to_options(group, names)]
    arguments += to_choices("seed", seed)
    places = {"tracking.experiment": experiment, "tracking.uri": tracking_uri}
    arguments += [to_override(key, value) for key, value in places.items() if value is not None]
    arguments += dataset_overrides(dataset, further)
    ended = perform_sweep(RunRequest(overrides=(*arguments, *further), multirun=True))
    return Sweep(
        run_id=ended.run_id,
        exit_code=ended.exit_code,
        experiment=ended.store.experiment,
        tracking_uri=ended.store.uri,
        run_ids=tuple(ended.evaluations()),
        failures=pd.DataFrame(ended.failures(), columns=list(FAILURE_COLUMNS)),
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class Sweep:
    """A sweep that has ended.

    Attributes:
        run_id: Of the sweep itself in MLflow.
        exit_code: That of the command: 0, or 3 if a job failed.
        experiment: Name of the MLflow experiment.
        tracking_uri: Its store.
        run_ids: Of the finished evaluations of all its cells, also of those that were finished before.
        failures: One row per cell that did not finish, with its cause.
    """

    run_id: str
    exit_code: int
    experiment: str
    tracking_uri: str = field(repr=False)
    run_ids: tuple[str, ...]
    failures: pd.DataFrame

    @property
    def state(self) -> str:
        """``finished``, or ``failed`` if a job failed."""
        return "failed" if self.exit_code else "finished"

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """One row per finished cell, with the values and bounds that its run logged."""
        if not self.run_ids:
            return pd.DataFrame(columns=list(EVALUATION_COLUMNS))
        return list_evaluations(self.experiment, tracking_uri=self.tracking_uri, run_ids=self.run_ids)

    @cached_property
    def leaderboard(self) -> pd.DataFrame:
        """That of ``compare``, with its defaults."""
        return self.compare().leaderboard

    def compare(self, **options: Any) -> Comparison:
        """Compare the models of this sweep, those that failed listed as missing.

        Args:
            options: Of ``arogya_bench.compare``, such as ``metric``, ``margin``, ``limits``.
        """
        runs = (*self.run_ids, *self.failures["run_id"])
        return compare(self.experiment, tracking_uri=self.tracking_uri, **{"run_ids": runs, **options})

    def __repr__(self) -> str:
        """How it ended, in one line."""
        cells = plural(len(self.run_ids), "evaluation")
        failed = f", {len(self.failures)} failed" if len(self.failures) else ""
        return f"Sweep({self.state}: {cells}{failed}; experiment={self.experiment!r}, run_id={self.run_id!r})"

    def _repr_html_(self) -> str:
        """The same, with its evaluations and failures, a chart, and a link to the run, for notebooks."""
        named = ["dataset", "model", "condition", "seed"]
        metrics = [name for name in (DEFAULT_METRIC, "mAP50_95") if name in self.evaluations]
        return sweep_html(
            repr(self),
            self.evaluations[[*named, *(end for name in metrics for end in bounds(name)), "run_id"]].round(3),
            self.failures[[*named, "cause", "message"]],
            metric=next(iter(metrics), DEFAULT_METRIC),
            store=open_store(self.tracking_uri, self.experiment, create=False),
            run_id=self.run_id,
        )
