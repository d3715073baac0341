"""The command ``arogya-bench promote``: the recommended model into MLflow's registry, with the reasons."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from arogya_bench.api import Comparison, compare
from arogya_bench.cli.compare import log_comparison
from arogya_bench.cli.fit_choice import ChosenFit, choose_fit
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.errors import ConfigError, UserError, did_you_mean
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.progress import show_activity
from arogya_bench.tracking.logged_models import logged_name
from arogya_bench.tracking.model_registry import (
    RegisteredVersion,
    check_names,
    find_version,
    promote_version,
    register_model,
)
from arogya_bench.tracking.store import Store, open_store
from arogya_bench.tracking.tags import (
    COMPARISON_RUN_ID,
    DATASET,
    DATASET_DIGEST,
    FIT_RUN_ID,
    FORCED,
    LIMITS,
    MODEL,
    SEED,
    SPLIT_DIGEST,
    VERDICT,
    WHERE,
)

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class PromotionRequest:
    """What is to be registered.

    Attributes:
        name: Of the registered model; None takes that of the experiment, or that of a registered pyfunc.
        dataset: Whose verdict counts, if several datasets disagree.
        model: Instead of the recommended one, with a reason.
        reason: Why a model is registered that no verdict names; empty without one.
    """

    alias: str
    name: str | None = None
    dataset: str | None = None
    model: str | None = None
    reason: str = ""


def run_promote(experiment: str, request: PromotionRequest, *, tracking_uri: str | None, **choices: Any) -> int:
    """Register the recommended fit, give it the alias, and write down why.

    Args:
        experiment: Name of the experiment.
        request: What is to be registered.
        tracking_uri: Of the store; its registry is used.
        choices: Further arguments of ``compare``.
    """
    _check_request(request)
    with show_activity("Reading evaluations from MLflow and resampling"):
        comparison = compare(experiment, tracking_uri=tracking_uri, **choices)
    store = open_store(tracking_uri, experiment, create=False)
    verdict = _find_verdict(comparison, request)
    model = _choose_model(comparison, verdict, request)
    facts = next(facts for facts in comparison.about["datasets"] if facts["dataset"] == verdict["dataset"])
    fit = choose_fit(store, facts, model)
    version = _find_version(store, fit, request)
    run_id = log_comparison(comparison, store, parent=None)
    tags = _tags(comparison, verdict, facts, fit, request) | {MODEL: model, COMPARISON_RUN_ID: run_id}
    description = _description(comparison, verdict, model, fit, request, run_id)
    found = promote_version(store, version, alias=request.alias, tags=tags, description=description)
    echo(escape(_said(found, model, fit, request)))
    return 0


def _check_request(request: PromotionRequest) -> None:
    check_names(alias=request.alias, name=request.name)
    if request.model and not request.reason:
        raise ConfigError(
            "--model names a model that the verdict need not name.",
            fix='say why: --model NAME --force "REASON". Without --model, the recommended one is registered.',
        )
    if request.reason and not request.model:
        raise ConfigError("--force says why, but not what.", fix="name the model: --model NAME.")


def _find_verdict(comparison: Comparison, request: PromotionRequest) -> Row:
    """The verdict of the dataset that was named, or of all datasets if they agree."""
    verdicts = to_records(comparison.verdict)
    names = [str(row["dataset"]) for row in verdicts]
    if request.dataset is not None:
        if request.dataset not in names:
            suggestion = did_you_mean(request.dataset, names)
            raise ConfigError(
                f"There is no verdict on the dataset {request.dataset!r}.{suggestion}",
                fix=f"choose one of: {', '.join(names)}.",
            )
        return next(row for row in verdicts if row["dataset"] == request.dataset)
    if len(verdicts) > 1 and (request.model or len({row["recommended"] for row in verdicts}) > 1):
        said = "; ".join(f"{row['dataset']}: {row['recommended'] or 'undecided'}" for row in verdicts)
        raise ConfigError(f"There are several datasets ({said}).", fix="say whose verdict counts: --dataset NAME.")
    return verdicts[0]


def _choose_model(comparison: Comparison, verdict: Row, request: PromotionRequest) -> str:
    if request.model is not None:
        board = to_records(comparison.leaderboard)
        known = [str(row["model"]) for row in board if row["dataset"] == verdict["dataset"]]
        if request.model not in known:
            raise ConfigError(
                f"There is no model {request.model!r} on {verdict['dataset']}.{did_you_mean(request.model, known)}",
                fix=f"choose one of: {', '.join(known)}.",
            )
        return request.model
    if not verdict["recommended"]:
        raise UserError(
            f"The verdict on {verdict['dataset']} names no model: {verdict['reason']}",
            fix="gather what would decide; or register one nevertheless, with a reason that is stored: "
            '--model NAME --force "REASON".',
        )
    return str(verdict["recommended"])


def _find_version(store: Store, fit: ChosenFit, request: PromotionRequest) -> RegisteredVersion:
    """The version that a registered pyfunc is, or a new one of the fit."""
    registered = find_version(fit.uri)
    if registered is None:
        name = request.name or logged_name(store.experiment)
        return register_model(store, name, model_id=fit.model_id, run_id=fit.run_id)
    if request.name not in (None, registered.name):
        raise ConfigError(
            f"The model is registered as {registered.name!r} already, version {registered.version}.",
            fix="leave out --name: that version gets the alias.",
        )
    return registered


def _tags(
    comparison: Comparison, verdict: Row, facts: Row, fit: ChosenFit, request: PromotionRequest
) -> dict[str, str]:
    where, requirements = comparison.about.get("where"), comparison.about.get("requirements")
    return {
        VERDICT: f"{verdict['verdict']}: {verdict['reason']}",
        DATASET: str(facts["name"]),
        DATASET_DIGEST: str(facts["digest"]),
        SPLIT_DIGEST: str(facts["split_digest"]),
        FIT_RUN_ID: fit.run_id,
        SEED: fit.seed,
        **({LIMITS: json.dumps(requirements)} if requirements else {}),
        **({WHERE: str(where)} if where else {}),
        **({FORCED: request.reason} if request.reason else {}),
    }


def _description(
    comparison: Comparison, verdict: Row, model: str, fit: ChosenFit, request: PromotionRequest, run_id: str
) -> str:
    """What the page of the version shows, in Markdown."""
    forced = f"**Registered against the verdict**, because: {request.reason}" if request.reason else ""
    limits = [
        row for row in to_records(comparison.limits) if (row["dataset"], row["model"]) == (verdict["dataset"], model)
    ]
    lines = [f"- {row['limit']}: {row['verdict']}, {row['reason']}" for row in limits]
    parts = [
        f"{model} on {verdict['dataset']}. Verdict: {verdict['verdict']}. {verdict['reason']}",
        forced,
        "\n".join(["Limits:", *lines]) if lines else "",
        fit.sentence,
        "\n".join(f"- {note}" for note in str(verdict["notes"] or "").splitlines()),
        f"Comparison: MLflow run {run_id}.",
    ]
    return "\n\n".join(part for part in parts if part)


def _said(found: RegisteredVersion, model: str, fit: ChosenFit, request: PromotionRequest) -> str:
    before = f", before: version {found.previous}" if found.previous else ""
    state = "registered" if found.is_new else "known"
    against = f" Registered against the verdict: {request.reason.rstrip('.')}." if request.reason else ""
    return (
        f"{model} is {found.name}, version {found.version} ({state}), with the alias {request.alias}{before}. "
        f"{fit.sentence}{against} Load it: models:/{found.name}@{request.alias}"
    )
