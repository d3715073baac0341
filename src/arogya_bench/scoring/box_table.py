"""Converts boxes to the tables that runs store and ``mlflow ui`` shows, and back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arogya_bench.errors import TrackingError
from arogya_bench.metrics.detection import check_box_predictions
from arogya_bench.metrics.detection_matching import match_boxes
from arogya_bench.types import Box, BoxPredictions, Detections, Labels

TRUTH, DETECTED, NO_BOX = "truth", "found", "none"
BOX_COLUMNS = ("left", "top", "width", "height")
FIXED_COLUMNS = ("case_id", "group_id", "kind", "class", "score", "crowd", *BOX_COLUMNS)
MAX_PREVIEW_ROWS = 1000  # a table over 2 MB is not shown by MLflow


def boxes_to_table(predictions: BoxPredictions) -> pd.DataFrame:
    """One row for each true or detected box, and for each case without any.

    Class order and threshold are in ``table.attrs``, which Parquet stores.
    """
    names = predictions.classes
    columns = [*FIXED_COLUMNS, *(name for name in predictions.metadata if name not in FIXED_COLUMNS)]
    rows: list[dict[str, object]] = []
    for number, case_id in enumerate(predictions.case_ids):
        metadata = {name: predictions.metadata[name][number] for name in columns[len(FIXED_COLUMNS) :]}
        case = {"case_id": case_id, "group_id": predictions.group_ids[number], **metadata}
        boxes = [
            *_truth_rows(predictions.truth[number], names),
            *_detection_rows(predictions.detections[number], names),
        ]
        rows += [{**case, **box} for box in boxes or [{"kind": NO_BOX}]]
    table = pd.DataFrame(rows, columns=columns)
    numbers = ["score", *BOX_COLUMNS]
    table[numbers] = table[numbers].astype(np.float64)
    table["class"] = table["class"].astype("string")
    table["crowd"] = table["crowd"].astype("boolean")
    table.attrs = {"classes": list(names), "threshold": predictions.threshold}
    return table


def is_box_table(table: pd.DataFrame) -> bool:
    """Whether a stored table is one of boxes."""
    return "kind" in table.columns and set(BOX_COLUMNS) <= set(table.columns)


def boxes_from_table(table: pd.DataFrame) -> BoxPredictions:
    """Invert ``boxes_to_table``; the cases are in the order of their first rows."""
    absent = [name for name in FIXED_COLUMNS if name not in table.columns]
    if absent or not {"classes", "threshold"} <= set(table.attrs):
        raise TrackingError(
            f"A stored table of boxes lacks {', '.join(absent) or 'its class order'}.",
            fix="delete the run in MLflow and run the sweep again.",
        )
    classes = tuple(table.attrs["classes"])
    codes = {name: code for code, name in enumerate(classes)}
    cases = [(str(name), rows) for name, rows in table.groupby("case_id", sort=False)]
    metadata_columns = [name for name in table.columns if name not in FIXED_COLUMNS]
    return BoxPredictions(
        classes=classes,
        case_ids=tuple(name for name, _ in cases),
        group_ids=tuple(str(rows["group_id"].iloc[0]) for _, rows in cases),
        truth=tuple(_parse_boxes(rows[rows["kind"] == TRUTH], codes) for _, rows in cases),
        detections=tuple(_parse_detections(rows[rows["kind"] == DETECTED], codes) for _, rows in cases),
        metadata={name: tuple(rows[name].iloc[0] for _, rows in cases) for name in metadata_columns},
        threshold=float(table.attrs["threshold"]),
    )


def boxes_to_preview(predictions: BoxPredictions) -> pd.DataFrame:
    """One row per case for ``mlflow ui``, the cases with the most errors first, at most 1,000."""
    counts = count_boxes(predictions)
    table = pd.DataFrame(
        {
            **{name: list(values) for name, values in predictions.metadata.items()},
            "case_id": predictions.case_ids,
            "true_boxes": counts.truth,
            "found_right": counts.true_positives,
            "found_wrong": counts.false_positives,
            "missed": counts.truth - counts.true_positives,
            "group_id": predictions.group_ids,
        }
    )
    first = ["case_id", "true_boxes", "found_right", "found_wrong", "missed", "group_id"]
    table = table[[*first, *(name for name in table.columns if name not in first)]]
    return table.iloc[np.argsort(-counts.errors, kind="stable")].head(MAX_PREVIEW_ROWS)


@dataclass(frozen=True, kw_only=True)
class BoxCounts:
    """Numbers of boxes in each case, shape (n,), at the score threshold and IoU 0.5."""

    true_positives: Labels
    false_positives: Labels
    truth: Labels

    @property
    def errors(self) -> Labels:
        """False positives and missed boxes, shape (n,)."""
        return self.false_positives + self.truth - self.true_positives


def count_boxes(predictions: BoxPredictions) -> BoxCounts:
    """Count the boxes of each case; crowds do not count."""
    images = len(predictions.case_ids)
    true_positives, false_positives, truth = (np.zeros(images, dtype=np.int64) for _ in range(3))
    for matches in match_boxes(check_box_predictions(predictions)):
        counts = (matches.scores >= predictions.threshold) & ~matches.ignored_detections[0]
        true_positives += np.bincount(matches.image[counts & matches.hits[0]], minlength=images)
        false_positives += np.bincount(matches.image[counts & ~matches.hits[0]], minlength=images)
        truth += matches.truth
    return BoxCounts(true_positives=true_positives, false_positives=false_positives, truth=truth)


def _truth_rows(boxes: Sequence[Box], names: Sequence[str]) -> Iterator[dict[str, object]]:
    for box in boxes:
        corners = {name: getattr(box, name) for name in BOX_COLUMNS}
        yield {"kind": TRUTH, "class": names[box.label], "crowd": box.crowd, **corners}


def _detection_rows(detections: Detections, names: Sequence[str]) -> Iterator[dict[str, object]]:
    for box, score, label in zip(detections.boxes, detections.scores, detections.labels, strict=True):
        corners = dict(zip(BOX_COLUMNS, box.tolist(), strict=True))
        yield {"kind": DETECTED, "class": names[label], "score": float(score), **corners}


def _parse_boxes(rows: pd.DataFrame, codes: dict[str, int]) -> tuple[Box, ...]:
    corners = rows[list(BOX_COLUMNS)].to_numpy(dtype=np.float64).tolist()
    return tuple(
        Box(**dict(zip(BOX_COLUMNS, box, strict=True)), label=codes[str(name)], crowd=bool(crowd))
        for box, name, crowd in zip(corners, rows["class"], rows["crowd"], strict=True)
    )


def _parse_detections(rows: pd.DataFrame, codes: dict[str, int]) -> Detections:
    return Detections(
        boxes=rows[list(BOX_COLUMNS)].to_numpy(dtype=np.float64).reshape(-1, 4),
        scores=rows["score"].to_numpy(dtype=np.float64),
        labels=np.array([codes[str(name)] for name in rows["class"]], dtype=np.int64),
    )
