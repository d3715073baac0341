import numpy as np
import pytest
from quality_studies import predict, study_of

from arogya_bench.analysis.froc import FROC_COLUMNS, froc_rows
from arogya_bench.analysis.tables import ANALYSES
from arogya_bench.metrics.detection_froc import froc
from arogya_bench.types import Box, BoxPredictions, Detections


def detector(seed, images=60, recall=0.8):
    """One lesion in each image, found in a share of them; one false alarm in every other image."""
    rng = np.random.default_rng(seed)
    lesion = Box(left=10, top=10, width=20, height=20, label=0)
    detections = []
    for image in range(images):
        boxes = [(10, 10, 20, 20)] * (rng.random() < recall) + [(60, 60, 20, 20)] * (image % 2)
        detections.append(
            Detections(
                boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
                scores=rng.random(len(boxes)),
                labels=np.zeros(len(boxes), dtype=np.int64),
            )
        )
    return BoxPredictions(
        classes=("lesion",),
        case_ids=tuple(f"c{i}" for i in range(images)),
        group_ids=tuple(f"p{i // 2}" for i in range(images)),
        truth=((lesion,),) * images,
        detections=tuple(detections),
    )


def rows_of(*seeds):
    study = study_of({"a": list(seeds)}, metric="mAP50_95")
    return study, {row["false_positives_per_image"]: row for row in froc_rows(study)}


def test_the_table_has_the_sensitivity_at_each_rate_and_the_score():
    predictions = detector(0)

    _, rows = rows_of(predictions)

    expected = froc(predictions.truth, predictions.detections, classes=["lesion"])
    assert list(rows) == ["0.125", "0.25", "0.5", "1", "2", "4", "8", "mean"]
    assert tuple(rows["1"]) == FROC_COLUMNS
    assert [row["sensitivity"] for row in rows.values()] == pytest.approx([*expected.sensitivity_at, expected.score])
    assert rows["1"]["sensitivity.ci_low"] < rows["1"]["sensitivity"] < rows["1"]["sensitivity.ci_high"]
    assert (rows["1"]["lesions"], rows["1"]["images"], rows["1"]["groups"]) == (60, 60, 30)


def test_seeds_of_a_detector_are_averaged():
    _, rows = rows_of(detector(0, recall=0.9), detector(1, recall=0.6))

    each = [rows_of(detector(seed, recall=recall))[1] for seed, recall in ((0, 0.9), (1, 0.6))]
    assert rows["8"]["sensitivity"] == pytest.approx(np.mean([one["8"]["sensitivity"] for one in each]))
    assert rows["8"]["seeds"] == 2


def test_tables_that_need_labels_are_empty_for_detectors_and_froc_is_for_classifiers():
    boxes, _ = rows_of(detector(0))
    labels = study_of({"a": [predict([0, 1] * 30, np.tile([0.2, 0.7], 30))]})

    mine = ("per_class", "calibration", "reliability", "operating_points", "net_benefit", "subgroups", "subgroup_gaps",
            "errors", "missed_by_all")  # fmt: skip
    assert [name for name in mine if ANALYSES[name].rows(boxes)] == []
    assert froc_rows(labels) == []
