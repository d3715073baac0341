"""The table of models: what each row of the leaderboard is, how it was trained, and what may be done with it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from arogya_bench.analysis.chance import chance_floors
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import LOCAL, row_kind
from arogya_bench.comparison.model_facts import ModelFacts, read_model_facts
from arogya_bench.comparison.model_words import (
    describe_chance,
    describe_model,
    describe_start,
    describe_stop,
    describe_training_augmentation,
)
from arogya_bench.tracking.tags import (
    API_MODEL_VERSION,
    CALIBRATION,
    COMMERCIAL_USE,
    CPU,
    GPU,
    IMPORTED_DIGEST,
    IMPORTED_FROM,
    LABEL_RULE,
    LICENCE,
    NOTES,
    TRAINED_ON,
    TRAINING,
)

IMPORTED = "imported"
MODEL_COLUMNS = (
    "dataset", "model", "kind", "description", "adapter", "adapter_version", "architecture", "start_weights",
    "trained_on", "training", "stop_rule", "training_augmentation", "best_epochs", "fit_seconds", "hardware", "seeds",
    "licence", "commercial_use", "parameters", "size_mb", "image_size", "calibration", "label_rule", "api_model",
    "api_model_version", "prompt", "settings", "above_chance", "chance", "imported_from", "imported_digest", "run_ids",
    "fit_run_ids", "notes", "absent",
)  # fmt: skip
SHOWN_ELSEWHERE = ("adapter", "adapter_version", "architecture", "weights", "image_size", "id", "prompt")
NO_FIT = "no fit of it is in the store"
NOT_COUNTED = "no neural network, or not counted"
UNDECLARED = "its adapter declares none"
NO_EPOCHS = "it has no epochs"
NOT_LOGGED = "its runs have not logged it"
UNKNOWN_IMPORT = "imported predictions do not say it"


def model_rows(block: ComparableRuns, study: Study, digests: Mapping[str, str]) -> list[TableRow]:
    """One row per model, in the order of the leaderboard; all from its runs. ``absent`` has the reasons of empty facts.

    Args:
        block: The evaluations.
        study: What was computed of them.
        digests: Display name to row digest, best first.
    """
    facts = read_model_facts(block, digests)
    floors = chance_floors(study.cases, [study.metric])
    floor = floors[study.metric].value if study.metric in floors else None
    above = study.judgement.above_chance
    rows = []
    for row in study.rows:
        value = row.estimate(study.metric)
        found = None if np.isnan(value) else float(value)
        sentence = describe_chance(row.name, study.metric, found, floor, above=above[row.name])
        judged = {"above_chance": above[row.name], "chance": sentence, "seeds": list(row.row.seeds)}
        rows.append(_model_row(block, facts[row.name], judged))
    return rows


def _model_row(block: ComparableRuns, facts: ModelFacts, judged: Mapping[str, Any]) -> TableRow:
    known = {**_identity(facts), **_training(facts), **_use(facts), **judged}
    kind = row_kind(block, facts.name)
    imported = bool(facts.tag(IMPORTED_FROM))
    return {
        **dict.fromkeys(MODEL_COLUMNS),  # their order
        "dataset": block.dataset,
        "model": facts.name,
        "kind": IMPORTED if imported and kind == LOCAL else kind,
        "description": describe_model(facts),
        **known,
        "run_ids": [run.run_id for run in facts.runs],
        "fit_run_ids": [fit.run_id for fit in facts.fits],
        "notes": " ".join(dict.fromkeys(note for run in facts.runs if (note := run.tags.get(NOTES, "")))),
        "absent": json.dumps(_absent(facts, known)),
    }


def _identity(facts: ModelFacts) -> TableRow:
    """What the model is made of."""
    parameters, size = facts.card.get("parameters"), facts.card.get("size_mb")
    return {
        "adapter": facts.setting("adapter"),
        "adapter_version": facts.setting("adapter_version"),
        "architecture": facts.setting("architecture"),
        "parameters": int(parameters) if parameters else None,
        "size_mb": float(size) if size else None,
        "image_size": facts.setting("image_size"),
        "api_model": facts.setting("id"),
        "api_model_version": facts.tag(API_MODEL_VERSION) or None,
        "prompt": facts.setting("prompt"),
        "settings": json.dumps({name: text for name, text in facts.settings.items() if name not in SHOWN_ELSEWHERE}),
    }


def _training(facts: ModelFacts) -> TableRow:
    """What it learnt from and how; of a model without epochs, the options of epochs say nothing."""
    epochs, seconds = (
        facts.best_epochs,
        [fit.metrics["fit_seconds"] for fit in facts.fits if "fit_seconds" in fit.metrics],
    )
    options = facts.training if epochs else {}
    fitted = facts.fits[0].tags if facts.fits else {}
    gpu = fitted.get(GPU, "none")
    hardware = [fitted.get(CPU, ""), f"GPU: {gpu}" if gpu != "none" else ""]
    return {
        "start_weights": describe_start(facts),
        "trained_on": ", ".join(json.loads(facts.tag(TRAINED_ON) or "[]")) or None,
        "training": facts.tag(TRAINING) or None,
        "stop_rule": describe_stop(options),
        "training_augmentation": describe_training_augmentation(options),
        "best_epochs": epochs,
        "fit_seconds": float(np.mean(seconds)) if seconds else None,
        "hardware": "; ".join(filter(None, hardware)) or None,
    }


def _use(facts: ModelFacts) -> TableRow:
    """What its answers are made into, and what may be done with it."""
    return {
        "licence": facts.tag(LICENCE) or None,
        "commercial_use": facts.tag(COMMERCIAL_USE) or None,
        "calibration": _calibration(facts),
        "label_rule": facts.tag(LABEL_RULE) or None,
        "imported_from": facts.tag(IMPORTED_FROM) or None,
        "imported_digest": facts.tag(IMPORTED_DIGEST) or None,
    }


def _calibration(facts: ModelFacts) -> str | None:
    """How probabilities were calibrated on the validation split; ``none`` if they are those of the model."""
    if not facts.tag(CALIBRATION):
        return None if facts.tag(IMPORTED_FROM) else "none"
    factors = [f"{run.metrics['temperature']:.2f}" for run in facts.runs if "temperature" in run.metrics]
    return f"{facts.tag(CALIBRATION)} {', '.join(factors)}".rstrip()


def _absent(facts: ModelFacts, known: Mapping[str, object]) -> dict[str, str]:
    """Why facts are empty that a reader may look for."""
    reasons: dict[str, Callable[[], str]] = {
        "licence": lambda: UNDECLARED,
        "commercial_use": lambda: UNDECLARED,
        "parameters": lambda: NOT_COUNTED if facts.card else NO_FIT,
        "size_mb": lambda: NO_FIT,
        "fit_seconds": lambda: NO_FIT if not facts.fits else NOT_LOGGED,
        "stop_rule": lambda: NO_EPOCHS if not facts.best_epochs else NOT_LOGGED,
        "training_augmentation": lambda: NO_EPOCHS if not facts.best_epochs else NOT_LOGGED,
        "image_size": lambda: "the adapter has no such field, or takes images as they are",
        "calibration": lambda: NOT_LOGGED,
    }
    imported = bool(facts.tag(IMPORTED_FROM))
    return {
        name: UNKNOWN_IMPORT if imported else reason()
        for name, reason in reasons.items()
        if known.get(name) in (None, "", [])
    }
