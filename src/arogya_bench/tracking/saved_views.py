"""Saved views: a leaderboard and a robustness table in plain ``mlflow ui``.

MLflow stores a view as an experiment tag in an undocumented format; if a later version drops it,
only the views are lost.
"""

import base64
import json
import zlib
from collections.abc import Mapping

from arogya_bench.tracking.tags import AUGMENTATION, CONDITION, KIND, MODEL

LEADERBOARD = "arogya-leaderboard"
ROBUSTNESS = "arogya-robustness"

MODEL_COLUMN = f"tags.`{MODEL}`"
CONDITION_COLUMN = f"tags.`{CONDITION}`"
COLUMN_WIDTH = 150  # pixels; MLflow's default of 100 cuts our column names
EVALUATIONS_FILTER = f"tags.`{KIND}` = 'evaluation' and attributes.status = 'FINISHED'"


def view_tags(now_ms: int) -> dict[str, str]:
    """The experiment tags that hold the views.

    Args:
        now_ms: Time of creation, in milliseconds since 1970.
    """
    leaderboard = _view_state(
        f"{EVALUATIONS_FILTER} and tags.`{AUGMENTATION}` = 'clean'",
        [MODEL_COLUMN, *_metric_columns("f1_macro", "f1_macro.ci_low", "f1_macro.ci_high", "auroc_macro_ovr")],
        order="metrics.`f1_macro`",
        ascending=False,
    )
    robustness = _view_state(
        EVALUATIONS_FILTER,
        [MODEL_COLUMN, CONDITION_COLUMN, *_metric_columns("f1_macro", "f1_macro.ci_low", "f1_macro.ci_high")],
        order=MODEL_COLUMN,
        ascending=True,
    )
    return {
        f"mlflow.sharedViewState.{LEADERBOARD}": _encode_view("Leaderboard", leaderboard, now_ms),
        f"mlflow.sharedViewState.{ROBUSTNESS}": _encode_view("Robustness", robustness, now_ms),
    }


def view_url(path: str, view: str, *, server: str = "http://127.0.0.1:5000") -> str:
    """The URL of a view while ``mlflow ui`` runs."""
    return f"{server}{path}&viewStateShareKey={view}"


def experiment_note(path: str) -> str:
    """The description of the experiment in Markdown, with links to the views."""
    return (
        "Created by arogya-bench. Open the "
        f"[leaderboard]({view_url(path, LEADERBOARD, server='').lstrip('/')}) or the "
        f"[robustness]({view_url(path, ROBUSTNESS, server='').lstrip('/')}) table; "
        "`arogya-bench compare` tests the differences."
    )


def _metric_columns(*names: str) -> list[str]:
    return [f"metrics.`{name}`" for name in names]


def _view_state(condition: str, columns: list[str], *, order: str, ascending: bool) -> Mapping[str, object]:
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
        "columnWidths": dict.fromkeys(columns, COLUMN_WIDTH),
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


def _encode_view(name: str, state: Mapping[str, object], now_ms: int) -> str:
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return json.dumps({"name": name, "createdAt": now_ms, "updatedAt": now_ms, "state": f"deflate;{packed}"})
