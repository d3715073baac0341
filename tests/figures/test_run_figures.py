from io import BytesIO
from pathlib import Path

import mlflow
import numpy as np
import PIL.Image
import pytest

from arogya_bench.figures.run_figures import MLFLOW_NAMES, render_label_figures, render_mlflow_figures
from arogya_bench.types import Predictions

IDS = tuple(map(str, range(30)))


def predictions_of(*, labels_only=False, unanswered=0):
    rng = np.random.default_rng(0)
    targets = np.arange(30) % 3
    raw = rng.random((30, 3)) + 0.5 * np.eye(3)[targets]
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    probabilities[:unanswered] = np.nan
    return Predictions(
        classes=("benign", "malignant", "other"),
        case_ids=IDS,
        group_ids=IDS,
        targets=targets,
        probabilities=probabilities,
        labels_only=labels_only,
    )


@pytest.mark.parametrize(
    ("predictions", "names"),
    [
        (predictions_of(unanswered=3), set(MLFLOW_NAMES)),
        (predictions_of(labels_only=True), {"confusion_matrix"}),
        (predictions_of(unanswered=30), {"confusion_matrix"}),
    ],
)
def test_curves_are_drawn_of_stated_probabilities_only(predictions, names):
    drawn = render_label_figures(predictions)

    assert set(drawn) == names
    assert all(svg.startswith("<svg") for svg in drawn.values())


def test_the_figures_have_the_names_that_mlflow_gives_its_own():
    source = (Path(mlflow.__path__[0]) / "models/evaluation/evaluators/classifier.py").read_text(encoding="utf-8")

    pictures = render_mlflow_figures(render_label_figures(predictions_of()))

    assert len(pictures) == len(MLFLOW_NAMES)
    for file, content in pictures.items():
        assert f'"{file.removesuffix(".png")}"' in source
        assert min(PIL.Image.open(BytesIO(content)).size) > 300
