"""Imported once in the fork server of a worker, so that its job processes start quickly.

Every job gets its own process, forked from one that has imported this module. It inherits the
modules imported here, and the facts about the machine that MLflow and this package cache.
"""

import gc
from contextlib import suppress
from importlib import import_module

from arogya_bench.runtime.gc_pause import gc_paused

MODULES = (
    "arogya_bench.sweeps.job",
    "mlflow.store.tracking.sqlalchemy_store",
    "scipy.stats",
    "sklearn.model_selection",
    "sklearn.tree",
    "vl_convert",
)


def preload() -> None:
    """Import the modules and fill the caches that every job needs."""
    with gc_paused():
        for module in MODULES:
            import_module(module)
    import altair
    from sqlalchemy.orm import configure_mappers

    from arogya_bench.runtime.environment import environment_facts, environment_json
    from arogya_bench.tracking.logged_models import warm_up

    configure_mappers()
    altair.Chart().encode(x="x:Q")  # the first chart is slow, as Altair resolves its channels
    environment_json()
    environment_facts()
    warm_up()
    gc.freeze()  # the collector would write to memory pages that the processes share


with suppress(Exception):  # the job that meets the same error reports it
    preload()
