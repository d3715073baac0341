"""Paths of the pages of ``mlflow ui``, relative to its URL."""

# Without it, MLflow 3 opens its pages with the menus of language models.
WORKFLOW = "?workflowType=machine_learning"


def runs_path(experiment_id: str) -> str:
    """The list of the runs of an experiment."""
    return f"/#/experiments/{experiment_id}/runs{WORKFLOW}"


def run_path(experiment_id: str, run_id: str, artifact: str = "") -> str:
    """A run, or one of its artifacts."""
    file = f"/artifacts/{artifact}" if artifact else ""
    return f"/#/experiments/{experiment_id}/runs/{run_id}{file}{WORKFLOW}"
