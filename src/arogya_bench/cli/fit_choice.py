"""Which fit of a recommended row is registered: of several seeds the one in the middle by validation, never by test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.errors import TrackingError
from arogya_bench.tracking.model_registry import LOGGED_MODEL, find_version
from arogya_bench.tracking.runs import RunRecord, get_run, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import (
    API,
    CONDITION,
    DATASET_DIGEST,
    FIT_RUN_ID,
    KIND,
    MODEL_CONFIG_DIGEST,
    MODEL_ID,
    SEED,
    SPLIT_DIGEST,
)

URI_PARAM, ADAPTER_PARAM, PYFUNC = "model.uri", "model.adapter", "pyfunc"


@dataclass(frozen=True, kw_only=True)
class ChosenFit:
    """A fit that can be registered.

    Attributes:
        run_id: Of the fit.
        model_id: Of the MLflow model that holds its files.
        uri: Of the MLflow model that an adapter of such models reads; empty for others.
        sentence: Why this fit.
    """

    run_id: str
    model_id: str
    seed: str
    sentence: str
    uri: str = ""


def choose_fit(store: Store, facts: Mapping[str, Any], model: str) -> ChosenFit:
    """Choose a fit of a row.

    Args:
        store: Of the evaluations.
        facts: What the comparison says of the dataset: digests, and the digest of each row.
        model: Display name of the row.

    Raises:
        TrackingError: If the row has no model: it is behind an API, imported, or computed from others.
    """
    evaluations = _evaluations(store, facts, model)
    if not evaluations:
        raise TrackingError(
            f"{model} has no fit on this split: its predictions come from folds, imported files or other rows.",
            fix="fit it once on a split of its own, or register it as a pyfunc and evaluate that version.",
        )
    if any(run.tags.get(API) for run in evaluations):
        raise TrackingError(
            f"{model} is a model behind an API: there are no files to register.",
            fix="write its name, version and limits into the config of your service; `require` checks them.",
        )
    fits = [get_run(store.uri, run.tags[FIT_RUN_ID]) for run in evaluations if run.tags.get(FIT_RUN_ID)]
    fits = list({run.run_id: run for run in fits if run.tags.get(MODEL_ID)}.values())
    if not fits:
        raise TrackingError(
            f"{model} has no fitted model in MLflow: it was imported, or is computed from other rows.",
            fix="register the model that made these predictions as a pyfunc, and evaluate it as "
            "model=pyfunc model.uri=models:/NAME/VERSION.",
        )
    return _described(*_in_the_middle(fits, str(facts["metric"]), str(facts["direction"])), model)


def _evaluations(store: Store, facts: Mapping[str, Any], model: str) -> list[RunRecord]:
    """The finished evaluations of a row on clean images."""
    wanted = {
        KIND: "evaluation",
        MODEL_CONFIG_DIGEST: str(facts["rows"].get(model, "")),
        DATASET_DIGEST: str(facts["digest"]),
        SPLIT_DIGEST: str(facts["split_digest"]),
    }
    condition = " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())
    runs = search_runs(store, f"{condition} and attributes.status = 'FINISHED'")
    return [run for run in runs if run.tags.get(CONDITION, CLEAN) == CLEAN]


def _in_the_middle(fits: Sequence[RunRecord], metric: str, direction: str) -> tuple[RunRecord, str]:
    """The fit with the median validation score, of an even number the worse of both in the middle."""
    name = f"validation_{metric}"
    if len(fits) == 1:
        return fits[0], "Its only fit."
    if any(name not in fit.metrics for fit in fits):
        first = min(fits, key=lambda fit: (fit.start_time, fit.run_id))
        return first, f"The first of its {len(fits)} fits, since not all have a validation score."
    ordered = sorted(fits, key=lambda fit: (fit.metrics[name], fit.run_id), reverse=direction == "low")
    chosen = ordered[(len(ordered) - 1) // 2]
    seed = chosen.tags.get(SEED, "")
    return chosen, (
        f"The verdict is about the recipe; of its {len(fits)} fits this is seed {seed}, the one in the middle by "
        f"{name} ({chosen.metrics[name]:.3f}): the best one on test would look better than it is."
    )


def _described(fit: RunRecord, sentence: str, model: str) -> ChosenFit:
    uri = fit.params.get(URI_PARAM, "")
    model_id = fit.tags[MODEL_ID]
    if fit.params.get(ADAPTER_PARAM) == PYFUNC and find_version(uri) is None:
        logged = LOGGED_MODEL.fullmatch(uri)
        if logged is None:
            raise TrackingError(
                f"{model} is the MLflow model {uri}, which is no version of a registered model.",
                fix="register it, and evaluate that version: model=pyfunc model.uri=models:/NAME/VERSION.",
            )
        model_id = logged["model_id"]
    return ChosenFit(run_id=fit.run_id, model_id=model_id, seed=fit.tags.get(SEED, ""), sentence=sentence, uri=uri)
