"""Boxes as the tables that are stored and shown, and back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arogya_bench.errors import TrackingError
from arogya_bench.metrics.detection import outcomes_of
from arogya_bench.metrics.detection_matching import matched
from arogya_bench.types import Box, BoxPredictions, Detections, Labels

TRUTH, FOUND, NONE = "truth", "found", "none"
PLACE = ("left", "top", "width", "height")
FIXED = ("case_id", "group_id", "kind", "class", "score", "crowd", *PLACE)
VIEW_ROWS = 1000  # a table over 2 MB is not shown by MLflow


def boxes_table(predictions: BoxPredictions) -> pd.DataFrame:
    """One row for each true box, for each found box, and for each case that has neither.

    Class order and threshold travel in the attributes of the table, which Parquet keeps.
    """
    names = predictions.classes
    columns = [*FIXED, *(name for name in predictions.metadata if name not in FIXED)]
    rows: list[dict[str, object]] = []
    for number, case_id in enumerate(predictions.case_ids):
        facts = {name: predictions.metadata[name][number] for name in columns[len(FIXED) :]}
        common = {"case_id": case_id, "group_id": predictions.group_ids[number]}
        own = [
            *_true_rows(predictions.truth[number], names),
            *_found_rows(predictions.found[number], names),
        ]
        rows += [{**common, **row, **facts} for row in own or [{"kind": NONE}]]
    table = pd.DataFrame(rows, columns=columns)
    numbers = ["score", *PLACE]
    table[numbers] = table[numbers].astype(np.float64)
    table["class"] = table["class"].astype("string")
    table["crowd"] = table["crowd"].astype("boolean")
    table.attrs = {"classes": list(names), "threshold": predictions.threshold}
    return table


def holds_boxes(table: pd.DataFrame) -> bool:
    """Whether a stored table is one of boxes."""
    return "kind" in table.columns and set(PLACE) <= set(table.columns)


def boxes_from(table: pd.DataFrame) -> BoxPredictions:
    """Read back what ``boxes_table`` made; cases come in the order of their first rows.

    Raises:
        TrackingError: If it is not such a table.
    """
    absent = [name for name in FIXED if name not in table.columns]
    if absent or not {"classes", "threshold"} <= set(table.attrs):
        raise TrackingError(
            f"A stored table of boxes lacks {', '.join(absent) or 'its class order'}.",
            fix="delete the run in MLflow and run the sweep again.",
        )
    classes = tuple(table.attrs["classes"])
    codes = {name: code for code, name in enumerate(classes)}
    cases = [(str(name), rows) for name, rows in table.groupby("case_id", sort=False)]
    others = [name for name in table.columns if name not in FIXED]
    return BoxPredictions(
        classes=classes,
        case_ids=tuple(name for name, _ in cases),
        group_ids=tuple(str(rows["group_id"].iloc[0]) for _, rows in cases),
        truth=tuple(_boxes(rows[rows["kind"] == TRUTH], codes) for _, rows in cases),
        found=tuple(_detections(rows[rows["kind"] == FOUND], codes) for _, rows in cases),
        metadata={name: tuple(rows[name].iloc[0] for _, rows in cases) for name in others},
        threshold=float(table.attrs["threshold"]),
    )


def boxes_view(predictions: BoxPredictions) -> pd.DataFrame:
    """One row per case for ``mlflow ui``: the most mistakes first, at most 1,000 cases."""
    counts = counts_of(predictions)
    table = pd.DataFrame(
        {
            **{name: list(values) for name, values in predictions.metadata.items()},
            "case_id": predictions.case_ids,
            "true_boxes": counts.truth,
            "found_right": counts.right,
            "found_wrong": counts.wrong,
            "missed": counts.truth - counts.right,
            "group_id": predictions.group_ids,
        }
    )
    first = ["case_id", "true_boxes", "found_right", "found_wrong", "missed", "group_id"]
    table = table[[*first, *(name for name in table.columns if name not in first)]]
    return table.iloc[np.argsort(-counts.mistakes, kind="stable")].head(VIEW_ROWS)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Boxes of each case, at the threshold and IoU 0.5: found right, found wrong, true."""

    right: Labels
    wrong: Labels
    truth: Labels

    @property
    def mistakes(self) -> Labels:
        """Boxes found wrong or missed, shape (n,)."""
        return self.wrong + self.truth - self.right


def counts_of(predictions: BoxPredictions) -> Counts:
    """Count the boxes of each case; crowds are neither found nor missed."""
    images = len(predictions.case_ids)
    right, wrong, truth = (np.zeros(images, dtype=np.int64) for _ in range(3))
    for each in matched(outcomes_of(predictions)):
        counts = (each.scores >= predictions.threshold) & ~each.ignored[0]
        right += np.bincount(each.image[counts & each.hits[0]], minlength=images)
        wrong += np.bincount(each.image[counts & ~each.hits[0]], minlength=images)
        truth += each.truth
    return Counts(right=right, wrong=wrong, truth=truth)


def _true_rows(boxes: Sequence[Box], names: Sequence[str]) -> Iterator[dict[str, object]]:
    for box in boxes:
        place = {"left": box.left, "top": box.top, "width": box.width, "height": box.height}
        yield {"kind": TRUTH, "class": names[box.label], "crowd": box.crowd, **place}


def _found_rows(found: Detections, names: Sequence[str]) -> Iterator[dict[str, object]]:
    for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
        place = dict(zip(PLACE, box.tolist(), strict=True))
        yield {"kind": FOUND, "class": names[label], "score": float(score), **place}


def _boxes(rows: pd.DataFrame, codes: dict[str, int]) -> tuple[Box, ...]:
    places = rows[list(PLACE)].to_numpy(dtype=np.float64).tolist()
    return tuple(
        Box(
            left=left,
            top=top,
            width=width,
            height=height,
            label=codes[str(name)],
            crowd=bool(crowd),
        )
        for (left, top, width, height), name, crowd in zip(
            places, rows["class"], rows["crowd"], strict=True
        )
    )


def _detections(rows: pd.DataFrame, codes: dict[str, int]) -> Detections:
    return Detections(
        boxes=rows[list(PLACE)].to_numpy(dtype=np.float64).reshape(-1, 4),
        scores=rows["score"].to_numpy(dtype=np.float64),
        labels=np.array([codes[str(name)] for name in rows["class"]], dtype=np.int64),
    )
