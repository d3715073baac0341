"""A model that you have in MLflow as one row of a study, beside the class frequencies and a model of ours.

Run it in a folder of its own: it writes MLflow's store there. With a model of yours, delete `Thumbnails` and
`log_model`, and name yours in URI; it is loaded, so its code runs.
"""

import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from sklearn.linear_model import LogisticRegression

import arogya_bench
from arogya_bench.datasets.synthetic import Synthetic

STORE = "sqlite:///mlflow.db"
URI = "models:/thumbnails/1"


class Thumbnails(mlflow.pyfunc.PythonModel):
    """A logistic regression on images of 8 x 8 pixels."""

    def __init__(self, images, labels):
        self.classifier = LogisticRegression(max_iter=1000).fit(self.shrink(images), labels)

    def shrink(self, images):
        """The mean colour of each eighth."""
        return np.reshape(images, (-1, 8, 8, 8, 8, 3)).mean(axis=(2, 4)).reshape(len(images), -1)

    def predict(self, context, model_input, params=None):
        """One row of probabilities for each image."""
        return self.classifier.predict_proba(self.shrink(model_input))


def log_model() -> None:
    """Stand in for your model with one that was fitted on other lesions than those of the study."""
    lesions = Synthetic(cases=600, classes=3, image_size=64, seed=8).load()
    images = np.stack([lesions.read(case) for case in lesions.cases]).astype(np.float32) / 255
    mlflow.set_tracking_uri(STORE)
    mlflow.set_experiment("research")
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="thumbnails",
            python_model=Thumbnails(images, [case.target for case in lesions.cases]),
            signature=ModelSignature(inputs=Schema([TensorSpec(np.dtype("float32"), (-1, 64, 64, 3))])),
            registered_model_name="thumbnails",
            metadata={"classes": list(lesions.classes)},  # in the order of the probabilities
        )


if __name__ == "__main__":
    log_model()
    data = {"dataset.cases": 400, "dataset.classes": 3, "dataset.image_size": 64}
    split = {"split.train": 0.4, "split.validation": 0.1, "split.test": 0.5}
    options = {"dataset": "synthetic", "experiment": "own_mlflow_model", "tracking_uri": STORE}
    overrides = {"model.uri": URI, "image_size": 64, **data, **split}
    print(arogya_bench.run(model=["prior", "opencv", "pyfunc"], **options, overrides=overrides).compare())
