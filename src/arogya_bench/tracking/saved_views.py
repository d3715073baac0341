"""Saved views: a leaderboard and a robustness table inside plain ``mlflow ui``.

MLflow keeps a view as an experiment tag, in a form that it does not document; if a later version
drops it, the views are gone and no number is.
"""

import base64
import json
import zlib
from collections.abc import Mapping

LEADERBOARD = "arogya-leaderboard"
ROBUSTNESS = "arogya-robustness"

MODEL = "tags.`arogya.model`"
CONDITION = "tags.`arogya.condition`"
WIDTH = 150  # pixels; MLflow's own 100 cuts the names of our columns
EVALUATION = "tags.`arogya.kind` = 'evaluation' and attributes.status = 'FINISHED'"


def views(now_ms: int) -> dict[str, str]:
    """The experiment tags that hold our views.

    Args:
        now_ms: Shown by MLflow as the time of creation; milliseconds since 1970.
    """
    leaderboard = _state(
        f"{EVALUATION} and tags.`arogya.augmentation` = 'clean'",
        [MODEL, *_metrics("f1_macro", "f1_macro.ci_low", "f1_macro.ci_high", "auroc_macro_ovr")],
        order="metrics.`f1_macro`",
        ascending=False,
    )
    robustness = _state(
        EVALUATION,
        [MODEL, CONDITION, *_metrics("f1_macro", "f1_macro.ci_low", "f1_macro.ci_high")],
        order=MODEL,
        ascending=True,
    )
    return {
        f"mlflow.sharedViewState.{LEADERBOARD}": _stored("Leaderboard", leaderboard, now_ms),
        f"mlflow.sharedViewState.{ROBUSTNESS}": _stored("Robustness", robustness, now_ms),
    }


def link(path: str, view: str, *, server: str = "http://127.0.0.1:5000") -> str:
    """The address that opens a view, once ``mlflow ui`` runs."""
    return f"{server}{path}&viewStateShareKey={view}"


def note(path: str) -> str:
    """Markdown that stands on top of the experiment: where to look first."""
    return (
        "Made by arogya-bench. Open the "
        f"[leaderboard]({link(path, LEADERBOARD, server='').lstrip('/')}) or the "
        f"[robustness]({link(path, ROBUSTNESS, server='').lstrip('/')}) table; "
        "`arogya-bench compare` tests the differences."
    )


def _metrics(*names: str) -> list[str]:
    return [f"metrics.`{name}`" for name in names]


def _state(
    condition: str, columns: list[str], *, order: str, ascending: bool
) -> Mapping[str, object]:
    return {
        "searchFilter": condition,
        "orderByKey": order,
        "orderByAsc": ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": dict.fromkeys(columns, WIDTH),
        "runsHiddenMode": "FIRST_10_RUNS",
        "groupBy": None,
        "groupsExpanded": {},
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "globalLineChartConfig": None,
    }


def _stored(name: str, state: Mapping[str, object], now_ms: int) -> str:
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return json.dumps(
        {"name": name, "createdAt": now_ms, "updatedAt": now_ms, "state": f"deflate;{packed}"}
    )
