"""Jobs: one Hydra composition each, and what is known of it before any work starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from arogya_bench.api_models.model import ApiModel
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.augmentations.declaration import augmentation_identity
from arogya_bench.datasets.positive_class import with_positive_class
from arogya_bench.datasets.splits import DatasetSplit, SplitPolicy, check_split, exclude_cases, make_split
from arogya_bench.errors import ConfigError, DatasetError, ModelError
from arogya_bench.evaluation.needed_parts import check_needed_parts
from arogya_bench.gate.findings import GateReport
from arogya_bench.gate.gate import inspect_dataset
from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.metrics.plugins import PluginMetric, metric_specs
from arogya_bench.prices.price_list import PriceList
from arogya_bench.runtime.digests import digest_of, model_identity
from arogya_bench.runtime.threads import available_threads
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.types import Dataset, Model, Training

_GATE_REPORTS: dict[tuple[object, ...], GateReport] = {}  # jobs of one process often share a split


class DatasetSource(Protocol):
    """What a config of the group ``dataset`` builds."""

    def load(self) -> Dataset:
        """Read and check the data; raise DatasetError if it cannot be evaluated on."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One Hydra composition: a model, a dataset, a seed, and the conditions to test.

    Attributes:
        model_name: Name of the option of the config group ``model``; part of the keys, unlike the name of the row.
        name: What the user calls the row, from ``model.name``; None for the name of the model itself.
        limit: Maximum number of cases per split; None means all.
        resume: Whether to skip the cells that MLflow holds already.
        threads: Of every library; None means one per processor.
        calibration: ``none``, or ``temperature`` for temperature scaling fitted on the validation split.
        config: The resolved config, stored with every run.
        gate: ``stop`` at an error in the data; or ``warn`` to continue without the unusable cases,
            which every run and report then states.
        image_cache_gb: Maximum size of the cache of decoded images; 0 disables it.
        metrics: Metrics of other packages, computed beside the built-in ones.
        exclusive: Whether the job needs the machine to itself.
        measure_name: Name of the option of the config group ``measure``.
        measure: How time and memory are measured after all evaluations; None for not at all.
        overrides: The overrides that tell it from the bare config, without Hydra's own keys.
        prices: Of tokens, for models of APIs; None for no prices.
        api_budget: USD that the API calls of the experiment may cost; None means no limit.
        positive: Class of the dataset that is the positive one; None keeps that of its reader.
        thumbnails: Whether reports may show small pictures of wrong cases; part of no key.
    """

    model_name: str
    model: Model
    source: DatasetSource
    training_name: str
    training: Training
    conditions: tuple[Condition, ...]
    split: SplitPolicy
    seed: int
    device: str
    limit: int | None
    batch_size: int
    resamples: int
    resume: bool
    tracking_uri: str | None
    experiment: str
    config: Mapping[str, Any]
    threads: int | None = None
    calibration: str = "none"
    gate: str = "stop"
    image_cache_gb: float = 0.0
    metrics: tuple[PluginMetric, ...] = ()
    exclusive: bool = False
    measure_name: str = "none"
    measure: MeasurementProtocol | None = None
    overrides: tuple[str, ...] = ()
    prices: PriceList | None = None
    api_budget: float | None = None
    name: str | None = None
    positive: str | None = None
    thumbnails: bool = False

    def load_dataset(self) -> Dataset:
        """Load the data of the source as this job sees it; the split comes later."""
        return with_positive_class(self.source.load(), self.positive)

    @property
    def display_name(self) -> str:
        """The name of the model for people: from ``model.name``, from the adapter, or of its option."""
        return self.name or getattr(self.model, "display_name", None) or self.model_name

    @property
    def row_name(self) -> str:
        """The name of the leaderboard row: the model, the control that it is, and the calibration of its outputs."""
        return self._with_variations(self.display_name)

    @property
    def key_name(self) -> str:
        """What keys call the row: by its option, so that another name makes no cell anew."""
        return self._with_variations(self.model_name)

    def _with_variations(self, name: str) -> str:
        added = (getattr(self.model, "control", "none"), self.calibration)
        return "+".join([name, *(variation for variation in added if variation != "none")])


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A job with its data loaded, split and checked, and the keys of its fit and cells.

    Attributes:
        model_config_digest: Digest of the leaderboard row: model, settings, training, calibration.
        fit_key: Digest of everything that determines the fit, which all cells share.
        cell_keys: By condition name; the digest of everything that determines the numbers.
    """

    job: Job
    dataset: Dataset
    split: DatasetSplit
    model_config_digest: str
    fit_key: str
    cell_keys: Mapping[str, str]
    gate_report: GateReport


def prepare(job: Job, dataset: Dataset | None = None, *, check: bool = True) -> PlannedJob:
    """Load, split and check the data of a job, and compute its keys.

    Args:
        job: A validated composition.
        dataset: What ``Job.load_dataset`` returns, if it is loaded already.
        check: Whether to check that the model can run here, which may import a framework; a job
            whose cells are all finished does not need that.

    Raises:
        UserError: If the model cannot run here, or the data cannot be evaluated on.
    """
    if check:
        job.model.check(device=job.device)
    dataset = dataset or job.load_dataset()
    _check_tasks(job, dataset)
    if check:
        check_dataset_fits(job.model, dataset)
    split = make_split(dataset, job.split, limit=job.limit)
    check_needed_parts(job.row_name, job.model, split, calibration=job.calibration)
    report = gate_report(job, split)
    split = _usable_split(split, report, overridden=job.gate == "warn")
    dataset = split.test.dataset
    row = _row_identity(job)
    fit = {**row, "dataset": dataset.digest, "split": split.digest, "seed": job.seed}
    return PlannedJob(
        job=job,
        dataset=dataset,
        split=split,
        model_config_digest=_row_digest(job, row),
        fit_key=digest_of(fit),
        cell_keys={condition.name: _cell_key(job, fit, condition, dataset.task) for condition in job.conditions},
        gate_report=report,
    )


def check_dataset_fits(model: Model, dataset: Dataset) -> None:
    """Raise UserError if a model knows that it does not fit the classes or the columns of a dataset."""
    check = getattr(model, "check_dataset", None)
    if check is not None:
        check(dataset)


def row_digest(job: Job) -> str:
    """Digest of a leaderboard row: model, settings, training, calibration; no data is read."""
    return _row_digest(job, _row_identity(job))


def _row_digest(job: Job, row: Mapping[str, object]) -> str:
    return digest_of({"name": job.key_name, **row})


def _row_identity(job: Job) -> dict[str, object]:
    return {"model": model_identity(job.model), "training": job.training.identity}


def gate_report(job: Job, split: DatasetSplit) -> GateReport:
    """Run the data gate on the split of a job, or return the report that this process has already."""
    dataset = split.test.dataset
    pretraining_data = tuple(getattr(job.model, "trained_on", ()))
    trained_on = {job.display_name: pretraining_data} if pretraining_data else {}
    # Sizes that the method or a limit dictates are no deviation from the requested shares.
    fractions = job.split.fractions if split.has_requested_fractions else None
    facts = (dataset.digest, dataset.notes, dataset.positive)
    key = (*facts, split.name, split.digest, fractions, tuple(trained_on.items()))
    if key not in _GATE_REPORTS:
        _GATE_REPORTS[key] = inspect_dataset(
            dataset, split, fractions=fractions, trained_on=trained_on, workers=job.threads or available_threads()
        )
    return _GATE_REPORTS[key]


def _usable_split(split: DatasetSplit, report: GateReport, *, overridden: bool) -> DatasetSplit:
    """Exclude unusable cases; raise DatasetError for errors that the user does not override."""
    if report.errors and not overridden:
        errors = "; ".join(
            f"{finding.code} {finding.title}" + (f": {finding.examples_text}" if finding.examples_text else "")
            for finding in report.errors
        )
        raise DatasetError(
            f"The gate found errors in {report.dataset}. {errors}.",
            fix=f"{report.errors[0].fix}; or inspect all findings with `arogya-bench data check`, "
            "and continue anyway with gate=warn, which every report will state",
        )
    if report.unusable:
        split = exclude_cases(split, report.unusable)
    check_split(split, allow_group_overlap=bool(report.errors))
    return split


def _check_tasks(job: Job, dataset: Dataset) -> None:
    """Check that the model can learn from the dataset, and be evaluated on it."""
    if job.model.task not in TASKS:
        raise ModelError(
            f"The adapter of {job.model_name} has the unknown task {job.model.task!r}.",
            fix=f"set its attribute `task` to {' or '.join(TASKS)}.",
        )
    if dataset.task not in TASKS:
        raise ConfigError(
            f"{dataset.name} is a {dataset.task} dataset; no adapter supports {dataset.task} yet.",
            fix=f"choose a dataset of {' or '.join(TASKS)}; `arogya-bench data check` and `describe` work on this one.",
        )
    TASKS[dataset.task].check_model(job.model_name, job.model.task, dataset)
    TASKS[job.model.task].check_training_data(job.model_name, dataset)
    TASKS[dataset.task].check_metrics(job.metrics, dataset)
    TASKS[job.model.task].check_calibration(job.calibration, job.model_name)
    if isinstance(job.model, ApiModel) and job.calibration != "none":
        raise ConfigError(
            f"calibration={job.calibration} needs predictions of the validation split, and {job.model_name} is an API, "
            "which is asked about test images only.",
            fix="set calibration=none for it, in a sweep of its own.",
        )


def _cell_key(job: Job, fit: Mapping[str, object], condition: Condition, task: str) -> str:
    return digest_of(
        {
            **fit,
            "name": job.key_name,
            "condition": condition.name,
            **augmentation_identity(condition.function),
            "metrics": f"{task} {TASKS[task].version}",
            "resamples": job.resamples,
            **TASKS[job.model.task].cell_key_fields(condition),
            **({"added_metrics": metric_specs(job.metrics)} if job.metrics else {}),
        }
    )
