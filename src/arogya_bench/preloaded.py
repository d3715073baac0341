"""What every job needs once, done before the process of the first job is split off.

A worker gives each job a process of its own. What is imported here, all of them have at once; so
have they what MLflow and we find out about the machine the first time that somebody asks.
"""

import gc
from contextlib import suppress

import scipy.stats
import sklearn.base
from mlflow.store.tracking import sqlalchemy_store
from sqlalchemy.orm import configure_mappers

from arogya_bench import logged_models, performing, provenance

__all__ = ["performing", "scipy", "sklearn", "sqlalchemy_store"]

configure_mappers()
provenance.environment()
provenance.tags()
with suppress(Exception):  # what goes wrong here goes wrong in a job, too, which says so
    logged_models.rehearse()
gc.freeze()  # what is here stays, and memory that nobody touches is shared
