"""Jobs: one Hydra composition each, checked, with their data at hand and their cells named."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import yaml

from arogya_bench.augmentations.box_transforms import box_transform_of
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.augmentations.declaration import augmentation_identity
from arogya_bench.datasets.split_files import split_to_csv
from arogya_bench.datasets.splits import DatasetSplit, SplitPolicy, make_split
from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.evaluation.data_gate import cached_gate_report, usable_split
from arogya_bench.gate.findings import GateReport
from arogya_bench.metrics import plugins as added
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.runtime.digests import digest_of, model_identity
from arogya_bench.runtime.environment import environment_json
from arogya_bench.runtime.environment import environment_tags as provenance_tags
from arogya_bench.runtime.redaction import redact_config
from arogya_bench.runtime.threads import available_threads
from arogya_bench.scoring.box_labels import LABEL_RULE
from arogya_bench.scoring.tasks import TASKS
from arogya_bench.tracking.items import DatasetInput, Text
from arogya_bench.types import Dataset, Model, Subset, Training


class DatasetSource(Protocol):
    """What a config of the group ``dataset`` builds."""

    def load(self) -> Dataset:
        """Read and check the data; raise DatasetError if it cannot carry an evaluation."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One Hydra composition: a model, a dataset, a seed, and the conditions to test.

    Attributes:
        limit: At most so many cases per split; None means all.
        resamples: Bootstrap resamples behind each interval.
        resume: Whether cells that MLflow holds are left as they are.
        threads: Of every library; None means one per processor.
        calibration: ``none``, or ``temperature``: one number, learnt on the validation split,
            that softens or sharpens all probabilities.
        config: The resolved config, kept with every run.
        gate: ``stop`` at an error in the data, or ``warn``: go on without the cases that cannot be
            used, and let every run and report say so.
        image_cache_gb: Room in the cache folder for decoded images; 0 keeps none.
        metrics: Of other packages, computed beside ours.
        exclusive: Whether it has its machine to itself, because something in it is timed.
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

    @property
    def row_name(self) -> str:
        """The name of the leaderboard row: the model, and what was done to its outputs."""
        plain = self.calibration == "none"
        return self.model_name if plain else f"{self.model_name}+{self.calibration}"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A job with its data at hand and its cells named.

    Attributes:
        model_config_digest: Digest of the leaderboard row: model, settings, training, calibration.
        fit_key: Digest of the fit that the cells share.
        cell_keys: Condition name to cell key.
        gate_report: What was found in the data.
    """

    job: Job
    dataset: Dataset
    split: DatasetSplit
    model_config_digest: str
    fit_key: str
    cell_keys: Mapping[str, str]
    gate_report: GateReport


def prepare(job: Job, dataset: Dataset | None = None, *, check: bool = True) -> Prepared:
    """Check a job as far as that is possible without working, and name its cells.

    Args:
        job: What to do.
        dataset: What the source of the job loads, if that is at hand.
        check: Whether the model must be able to run here, which may mean to import a framework;
            a job whose cells are all there need not.

    Raises:
        Fixable: If the model cannot run here or the data cannot carry an evaluation.
    """
    if check:
        job.model.check(device=job.device)
    dataset = dataset or job.source.load()
    _check_task(job, dataset)
    parts = make_split(dataset, job.split, limit=job.limit)
    report = gate_report(job, dataset, parts)
    parts = usable_split(parts, report, overridden=job.gate == "warn")
    dataset = parts.test.dataset
    row = {"model": model_identity(job.model), "training": asdict(job.training)}
    fit = {**row, "dataset": dataset.digest, "split": parts.digest, "seed": job.seed}
    return Prepared(
        job=job,
        dataset=dataset,
        split=parts,
        model_config_digest=digest_of({"name": job.row_name, **row}),
        fit_key=digest_of(fit),
        cell_keys={each.name: _cell_key(job, fit, each, dataset.task) for each in job.conditions},
        gate_report=report,
    )


def gate_report(job: Job, dataset: Dataset, split: DatasetSplit) -> GateReport:
    """What the gate says of a divided dataset, and of the model that a job would judge on it."""
    seen = tuple(getattr(job.model, "trained_on", ()))
    return cached_gate_report(
        dataset,
        split,
        # Where the method or a limit fixes the sizes, other shares are nothing to warn of.
        fractions=job.split.fractions if split.has_requested_fractions else None,
        trained_on={job.model_name: seen} if seen else {},
        workers=job.threads or available_threads(),
    )


def _check_task(job: Job, dataset: Dataset) -> None:
    """Refuse a model whose outputs the dataset cannot judge, and a detector without boxes."""
    if dataset.task not in TASKS:
        raise ConfigError(
            f"{dataset.name} asks for masks ({dataset.task}), and no model here draws any.",
            fix=f"choose a dataset of {' or '.join(TASKS)}; `arogya-bench data check` and "
            "`describe` work on this one.",
        )
    detects = job.model.task == "detection"
    if dataset.task == "detection" and not detects:
        raise ModelError(
            f"{job.model_name} labels whole images, and {dataset.name} asks for boxes.",
            fix="choose model=yolov8_det, or a dataset that labels images.",
        )
    if detects and any(case.boxes is None for case in dataset.cases):
        raise ModelError(
            f"{job.model_name} learns from boxes, and {dataset.name} names none.",
            fix="choose a model that labels whole images, or a dataset with boxes.",
        )
    if dataset.task == "detection" and job.metrics:
        raise ConfigError(
            f"metric {job.metrics[0].name} judges labels, and {dataset.name} asks for boxes.",
            fix="set metric=builtin for this dataset.",
        )
    if detects and job.calibration != "none":
        raise ConfigError(
            f"calibration={job.calibration} is for class probabilities; {job.model_name} finds "
            "boxes.",
            fix="set calibration=none for this model.",
        )


def job_tags(prepared: Prepared) -> dict[str, str]:
    """What every run of a job says of itself, whatever its kind."""
    job, errors = prepared.job, prepared.gate_report.errors
    codes = ", ".join(f"{each.code} {each.title}" for each in errors)
    left_out = {"arogya.left_out": str(len(prepared.gate_report.unusable))}
    overridden = {"arogya.gate_overridden": codes, **left_out} if errors else {}
    return {
        "arogya.model": job.row_name,
        "arogya.row": prepared.model_config_digest,
        "arogya.training": job.training_name,
        "arogya.dataset": prepared.dataset.name,
        "arogya.dataset_digest": prepared.dataset.digest,
        "arogya.task": prepared.dataset.task,
        "arogya.split": prepared.split.name,
        "arogya.split_digest": prepared.split.digest,
        "arogya.grouped": str(prepared.dataset.grouped).lower(),
        "arogya.seed": str(job.seed),
        "arogya.fit": prepared.fit_key,
        "arogya.gate": prepared.gate_report.summary(),
        **overridden,
        **provenance_tags(),
    }


def job_params(prepared: Prepared) -> dict[str, object]:
    """What people search by; the whole config is an artifact."""
    job = prepared.job
    fields = {f"model.{key}": value for key, value in model_identity(job.model).items()}
    return {
        "model": job.row_name,
        "training": job.training_name,
        "dataset": prepared.dataset.name,
        "seed": job.seed,
        "device": job.device,
        "threads": job.threads or available_threads(),
        "limit": "none" if job.limit is None else job.limit,
        **fields,
    }


def dataset_input(prepared: Prepared, part: str) -> DatasetInput:
    """The split of the dataset that a run saw, for MLflow's column of datasets."""
    cases: Subset = getattr(prepared.split, part)
    present = np.array(
        [each for case in cases.cases for each in case.present_classes], dtype=np.int64
    )
    counts = np.bincount(present, minlength=len(cases.classes))
    return DatasetInput(
        name=prepared.dataset.name,
        digest=prepared.dataset.digest,
        source=prepared.dataset.source,
        context=part,
        profile={
            "cases": len(cases),
            "groups": len({case.group_id for case in cases.cases}),
            "classes": dict(zip(cases.classes, counts.tolist(), strict=True)),
            "split": prepared.split.name,
            "split_digest": prepared.split.digest,
            "licence": prepared.dataset.licence,
        },
    )


def provenance_files(prepared: Prepared) -> Iterator[Text]:
    """What every run of a job keeps as files: its config, its split, what the gate found.

    The config is without the address of the store, which may hold a password, and without keys.
    """
    config = prepared.job.config
    shown = {key: value for key, value in config.items() if key not in ("tracking", "sweep")}
    text = yaml.safe_dump(redact_config(shown), sort_keys=False)
    yield Text(file="config.yaml", text=text)
    yield Text(file="split.csv", text=split_to_csv(prepared.dataset, prepared.split.parts))
    yield Text(file="gate.json", text=prepared.gate_report.to_json())
    yield Text(file="environment.json", text=environment_json())


def _cell_key(job: Job, fit: Mapping[str, object], condition: Condition, task: str) -> str:
    return digest_of(
        {
            **fit,
            "name": job.row_name,
            "condition": condition.name,
            **augmentation_identity(condition.function),
            "metrics": f"{task} {TASKS[task].version}",
            "resamples": job.resamples,
            **_detection_key_fields(job, condition),
            **({"added_metrics": added.metric_specs(job.metrics)} if job.metrics else {}),
        }
    )


def _detection_key_fields(job: Job, condition: Condition) -> dict[str, object]:
    """What decides the numbers of a detector alone: how boxes move, and how they become labels."""
    if job.model.task != "detection":
        return {}
    return {
        "label_rule": LABEL_RULE,
        "moves_boxes": box_transform_of(condition.function) is not None,
    }
