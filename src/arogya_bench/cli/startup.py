"""What commands do before they import anything heavy."""

import logging
import os
import warnings


def experiment_name(name: str) -> str:
    """The experiment that was named, or else that of ``mlflow run``, a variable, or the default."""
    from arogya_bench.tracking.store import use_mlflow_run_experiment

    use_mlflow_run_experiment()
    return name or os.environ.get("MLFLOW_EXPERIMENT_NAME", "arogya-bench")


def silence_logging() -> None:
    """Hide MLflow's log messages, such as those on database upgrades."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
