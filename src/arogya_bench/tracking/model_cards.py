"""What MLflow stores of a fitted model beside its files: architecture, settings, number of parameters, size."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mlflow.exceptions import MlflowException

from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.store_errors import translate_errors
from arogya_bench.tracking.tags import MODEL_ID

PARALLEL_REQUESTS = 8


def read_card_params(store: Store, fits: Sequence[RunRecord]) -> list[Mapping[str, str]]:
    """The params of the model that each fit logged; empty if it logged none, or the model was deleted."""
    with ThreadPoolExecutor(max_workers=PARALLEL_REQUESTS) as pool:  # MLflow answers for one model at a time
        return list(pool.map(partial(_read_params, store), fits))


def _read_params(store: Store, fit: RunRecord) -> Mapping[str, str]:
    if MODEL_ID not in fit.tags:
        return {}
    with translate_errors(store.uri):
        try:
            model = store.client.get_logged_model(fit.tags[MODEL_ID])
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return {}
    return dict(model.params)
