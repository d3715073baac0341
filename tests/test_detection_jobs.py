"""Detectors from data to comparison: boxes and labels are logged to MLflow and compared."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pandas as pd
import pytest
from jsonschema import validate

from arogya_bench import compare
from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions
from arogya_bench.comparison.json_schema import comparison_schema
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.evaluation.evaluation import run_job
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.prior import Prior
from arogya_bench.report.content import build_report
from arogya_bench.scoring.box_labels import LABEL_RULE
from arogya_bench.scoring.detection import DETECTION
from arogya_bench.serving import ServedModel
from arogya_bench.tracking import artifacts
from arogya_bench.tracking.runs import get_run
from arogya_bench.types import BoxPredictions, Detections, Predictions

BOXES = Synthetic(cases=60, classes=3, image_size=32, task="detection")
GEOMETRIC = "arogya_bench.augmentations.geometric.rotation"
CLEAN = "arogya_bench.augmentations.photometric.clean"


@dataclass(frozen=True, kw_only=True)
class Spotter(Prior):
    """Finds the largest dark spot by Otsu's threshold; the most frequent class is its label.

    Attributes:
        shrink: Share of the box that is kept, so that two spotters differ.
    """

    adapter_name = "test_spotter"
    adapter_version = 1

    shrink: float = 1.0
    task: ClassVar[str] = "detection"

    def load(self, weights, *, classes, device):
        predict = super().load(weights, classes=classes, device=device)

        def detect(images):
            return [self._spot(image, predict([image])[0]) for image in images]

        return detect

    def _spot(self, image, frequencies):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        _, dark = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
        _, _, stats, _ = cv2.connectedComponentsWithStats(dark)
        left, top, width, height = stats[1:][stats[1:, 4].argmax(), :4].astype(float)
        box = [left, top, width * self.shrink, height * self.shrink]
        return Detections(
            boxes=np.array([box]), scores=np.array([frequencies.max()]), labels=np.array([frequencies.argmax()])
        )


@pytest.fixture(scope="module")
def turned():
    return expand_conditions(
        {"clean": AugmentationSpec(function=CLEAN), "rotation": AugmentationSpec(function=GEOMETRIC, severities=[30.0])}
    )


@pytest.fixture
def detections(store, job_of, turned):
    job = job_of("spotter", Spotter(), source=BOXES, resamples=2000, conditions=turned)
    return run_job(job, store, None)


def test_boxes_are_judged_logged_and_read_back(store, detections):
    clean = detections[0]
    run = get_run(store.uri, clean.run_id)

    stored = pd.read_parquet(Path(run.artifact_uri) / "predictions.parquet")

    assert isinstance(clean.predictions, BoxPredictions)
    assert run.tags["arogya.task"] == "detection"
    assert run.metrics["mAP50"] == pytest.approx(clean.scores.values["mAP50"])
    assert run.metrics["mAP50"] > 0.1
    assert run.metrics["mAP50.ci_low"] <= run.metrics["mAP50"] <= run.metrics["mAP50.ci_high"]
    assert 0 < run.metrics["score_threshold"] < 1
    assert DETECTION.score(DETECTION.from_table(stored)).values == clean.scores.values
    files = {path.name for path in Path(run.artifact_uri).rglob("*") if path.is_file()}
    assert {"boxes.png", "per_class.json", "predictions.json"} <= files
    assert "roc.svg" not in files


def centre_of(box):
    """Of a box, seen from the centre of its image of 32 pixels."""
    return np.array([box.left + box.width / 2, box.top + box.height / 2]) - 16


def test_a_turned_image_is_judged_by_turned_boxes(detections):
    """Every true box keeps its distance to the centre, and turns by 30 degrees to one side."""
    clean, turned = (evaluation.predictions for evaluation in detections)
    sides = []
    for before, after in zip(clean.truth, turned.truth, strict=True):
        one, two = centre_of(before[0]), centre_of(after[0])
        assert np.linalg.norm(two) == pytest.approx(np.linalg.norm(one), abs=0.6)
        if np.linalg.norm(one) > 2:
            turn = np.degrees(np.angle(complex(*two) / complex(*one)))
            sides.append(round(turn, -1))

    assert set(np.abs(sides)) == {30}
    assert len(set(sides)) == 2


def test_the_threshold_is_chosen_on_validation(store, detections, job_of, turned):
    run = get_run(store.uri, detections[0].run_id)
    fit = get_run(store.uri, run.tags["arogya.fit_run_id"])

    table = pd.read_parquet(Path(fit.artifact_uri) / "predictions_validation.parquet")

    assert DETECTION.from_table(table).threshold == run.metrics["score_threshold"]


def test_where_labels_are_asked_for_the_most_confident_box_decides(store, job_of, source):
    (evaluation,) = run_job(job_of("spotter", Spotter(), resamples=2000), store, None)
    run = get_run(store.uri, evaluation.run_id)

    assert isinstance(evaluation.predictions, Predictions)
    assert run.tags["arogya.label_rule"] == LABEL_RULE
    assert {"f1_macro", "mAP50", "score_threshold"} <= set(run.metrics)
    assert len(run.metrics) <= 60
    files = {path.name for path in Path(run.artifact_uri).rglob("*") if path.is_file()}
    assert {"boxes.parquet", "boxes.png", "per_class_boxes.json", "roc.svg"} <= files


def test_detectors_are_compared_by_boxes_and_labels_apart(store, job_of, turned):
    """A dataset with labels and boxes gives two leaderboards, each with its own metric."""
    for name, model in (("spotter", Spotter()), ("small", Spotter(shrink=0.5))):
        job = job_of(name, model, source=BOXES, resamples=2000, conditions=turned, thumbnails=True)
        run_job(job, store, None)
    run_job(job_of("prior", resamples=2000), store, None)
    run_job(job_of("spotter", Spotter(), resamples=2000), store, None)

    comparison = compare("study", tracking_uri=store.uri)

    facts = {dataset["task"]: dataset for dataset in comparison.about["datasets"]}
    assert facts["detection"]["metric"] == "mAP50_95"
    assert facts["classification"]["metric"] == "f1_macro"
    boxes = comparison.leaderboard[comparison.leaderboard["dataset"] == facts["detection"]["dataset"]]
    assert boxes["model"].tolist() == ["spotter", "small"]
    assert boxes["mAP50_95"].iloc[0] > 0
    pair = comparison.pairwise[comparison.pairwise["dataset"] == facts["detection"]["dataset"]].iloc[0]
    assert (pair["a"], pair["metric"]) == ("spotter", "mAP50_95")
    assert pair["mcnemar_p"] is None or np.isnan(pair["mcnemar_p"])
    assert set(comparison.robustness["condition"]) == {"rotation_30"}
    pictures = comparison.thumbnails
    assert set(pictures["dataset"]) == {facts["detection"]["dataset"]}
    assert pictures["model"].value_counts().to_dict() == {"spotter": 5, "small": 5}
    assert pictures["model"].tolist()[:2] == ["spotter", "small"]
    assert pictures["caption"].str.fullmatch(r"\d+ of \d+ objects? missed, \d+ false detections?").all()
    shown = [section for dataset in build_report(comparison).datasets for section in dataset.sections]
    images = [section for section in shown if section.name == "box-errors"]
    assert [len(section.records) for section in images] == [5, 5]
    validate(json.loads(comparison.to_json()), comparison_schema())


def test_a_classifier_is_refused_where_boxes_are_asked_for(job_of):
    with pytest.raises(ModelError, match="is a detection dataset"):
        prepare(job_of("prior", source=BOXES))


def test_a_detector_is_refused_where_nobody_drew_boxes(job_of, roster):
    with pytest.raises(ModelError, match="needs boxes for training"):
        prepare(job_of("spotter", Spotter(), source=roster()))


def test_boxes_have_no_temperature(job_of):
    with pytest.raises(ConfigError, match="calibration=temperature"):
        prepare(job_of("spotter", Spotter(), calibration="temperature"))


def test_a_temperature_is_a_row_of_its_own_on_the_same_fit(store, job_of):
    from arogya_bench.models.opencv import OpenCVClassifier

    model = OpenCVClassifier(image_size=32)
    (raw,) = run_job(job_of("opencv", model, resamples=2000), store, None)
    (softer,) = run_job(job_of("opencv", model, resamples=2000, calibration="temperature"), store, None)

    one, two = (get_run(store.uri, evaluation.run_id) for evaluation in (raw, softer))
    assert two.tags["arogya.model"] == "opencv+temperature"
    assert two.tags["arogya.fit_run_id"] == one.tags["arogya.fit_run_id"]
    assert two.tags["arogya.model_config_digest"] != one.tags["arogya.model_config_digest"]
    assert 0.01 < two.metrics["temperature"] < 100
    assert two.metrics["accuracy"] == one.metrics["accuracy"]
    assert two.metrics["nll"] != one.metrics["nll"]
    assert "temperature" not in one.metrics


def test_a_fitted_detector_is_served_as_boxes(store, detections, job_of, monkeypatch):
    import mlflow

    run = get_run(store.uri, detections[0].run_id)
    fit = get_run(store.uri, run.tags["arogya.fit_run_id"])
    images = np.stack(list(prepare(job_of("a", Spotter(), source=BOXES)).split.test.images()))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    uri = f"models:/{fit.tags['arogya.model_id']}"

    columns = mlflow.models.get_model_info(uri).signature.outputs.input_names()
    with artifacts.fetch_model_files(fit, store=store) as folder:
        table = ServedModel(folder).predict(images[:3])

    assert columns == list(table.columns) == ["detections"]
    first = json.loads(table["detections"][0])[0]
    assert first["class"] in detections[0].predictions.classes
    np.testing.assert_allclose(first["box"], detections[0].predictions.detections[0].boxes[0])
