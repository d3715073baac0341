"""Saved views: a leaderboard, a robustness and a speed table in plain ``mlflow ui``.

MLflow stores a view as an experiment tag in an undocumented format; if a later version drops it,
only the views are lost.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence

from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, FINISHED_MEASUREMENTS
from arogya_bench.tracking.tags import AUGMENTATION, CONDITION, DATASET, GRADE, MACHINE, MODEL, SEED

LEADERBOARD = "arogya-leaderboard"
ROBUSTNESS = "arogya-robustness"
SPEED = "arogya-speed"

MODEL_COLUMN = f"tags.`{MODEL}`"
ORIGIN_COLUMNS = (f"tags.`{DATASET}`", f"tags.`{SEED}`")  # rows of several datasets or seeds are told apart
DEFAULT_METRICS = (("f1_macro", "auroc_macro_ovr"),)  # of each task: the one that decides, and another
SPEED_COLUMNS = (
    "metrics.`latency_p50_ms`",
    f"tags.`{GRADE}`",
    "metrics.`throughput_b1_img_s`",
    "metrics.`ram_peak_mb`",
    f"tags.`{MACHINE}`",
)
COLUMN_WIDTH = 150  # pixels; MLflow's default of 100 cuts our column names


def view_tags(now_ms: int, metrics: Sequence[Sequence[str]] = DEFAULT_METRICS) -> dict[str, str]:
    """The experiment tags that hold the views, created at ``now_ms`` milliseconds since 1970.

    Args:
        now_ms: When they are created.
        metrics: For each task of the experiment, the metric that decides, whose ends are shown too, and others.
    """
    deciding = [f"metrics.`{first}`" for first, *_ in metrics]
    ends = [f"metrics.`{first}{end}`" for first, *_ in metrics for end in (".ci_low", ".ci_high")]
    others = [f"metrics.`{name}`" for _, *names in metrics for name in names]
    leaderboard = _view_state(
        f"{FINISHED_EVALUATIONS} and tags.`{AUGMENTATION}` = 'clean'",
        [MODEL_COLUMN, *deciding, *ORIGIN_COLUMNS, *ends, *others],
        order=deciding[0],
        ascending=False,
    )
    robustness = _view_state(
        FINISHED_EVALUATIONS,
        [MODEL_COLUMN, f"tags.`{CONDITION}`", *deciding, *ORIGIN_COLUMNS, *ends],
        order=MODEL_COLUMN,
        ascending=True,
    )
    speed = _view_state(FINISHED_MEASUREMENTS, [MODEL_COLUMN, *SPEED_COLUMNS], order=SPEED_COLUMNS[0], ascending=True)
    return {
        f"mlflow.sharedViewState.{LEADERBOARD}": _encode_view("Leaderboard", leaderboard, now_ms),
        f"mlflow.sharedViewState.{ROBUSTNESS}": _encode_view("Robustness", robustness, now_ms),
        f"mlflow.sharedViewState.{SPEED}": _encode_view("Speed", speed, now_ms),
    }


def view_url(path: str, view: str, *, server: str = "http://127.0.0.1:5000") -> str:
    """The URL of a view while ``mlflow ui`` runs."""
    return f"{server}{path}&viewStateShareKey={view}"


def describe_views(path: str) -> str:
    """What our block in the description of an experiment says of the views, in Markdown, with links to them."""
    links = {
        name: view_url(path, view, server="").lstrip("/")
        for name, view in (("leaderboard", LEADERBOARD), ("robustness", ROBUSTNESS), ("speed", SPEED))
    }
    return (
        f"Runs of arogya-bench: open the [leaderboard]({links['leaderboard']}), the "
        f"[robustness]({links['robustness']}) or the [speed]({links['speed']}) table; "
        "`arogya-bench compare` tests the differences."
    )


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
