"""What every job needs once, done before the process of the first job is split off.

A worker gives each job a process of its own. What is imported here, all of them have at once; so
have they what MLflow and we find out about the machine the first time that somebody asks.
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
    """Import and look up what every job needs."""
    with gc_paused():
        for module in MODULES:
            import_module(module)
    import altair
    from sqlalchemy.orm import configure_mappers

    from arogya_bench.runtime import environment as provenance
    from arogya_bench.tracking import logged_models

    configure_mappers()
    altair.Chart().encode(x="x:Q")  # it looks up all its channels the first time
    provenance.environment_json()
    provenance.environment_facts()
    logged_models.warm_up()
    gc.freeze()  # what is here stays, and memory that nobody touches is shared


with suppress(Exception):  # what goes wrong here goes wrong in a job, too, which says so
    preload()
