"""Columns of the metadata beside the image, through real MLflow models."""

import warnings
from dataclasses import replace

import mlflow
import numpy as np
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.augmentations.photometric import gaussian_noise
from arogya_bench.errors import ModelError
from arogya_bench.evaluation.inference import predict
from arogya_bench.models.metadata_inputs import MetadataInput
from arogya_bench.models.pyfunc import PyFunc
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.serving import ServedModel, write_adapter_file
from arogya_bench.types import Training

AGES = (20.0, 40.0, 60.0, 80.0)
CODE = """
import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class ByAge(PythonModel):
    def predict(self, context, model_input, params=None):
        {body}
        return np.stack([1 - p, p], axis=1)

set_model(ByAge())
"""
TABLE = "assert list(model_input['file'])[0][1:4] == b'PNG'; p = model_input['age'].to_numpy(float) / 100"
TENSORS = "assert model_input['pixels'].shape[1:] == (8, 8, 3); p = np.reshape(model_input['age'], -1) / 100"


@pytest.fixture
def by_age(tmp_path):
    """Save a model whose probability of the second class is the age of the patient in centuries."""

    def build(body, *inputs):
        (tmp_path / "code.py").write_text(CODE.format(body=body), encoding="utf-8")
        with warnings.catch_warnings(record=True, action="ignore"):  # MLflow's advice on logging models
            mlflow.pyfunc.save_model(
                tmp_path / "model",
                python_model=str(tmp_path / "code.py"),
                signature=ModelSignature(inputs=Schema(list(inputs))),
                pip_requirements=[],
            )
        return PyFunc(uri=str(tmp_path / "model"), classes=["young", "old"])

    return build


@pytest.fixture
def patients(subset_of):
    """Four images of two sizes, with the age and the sex of the patients."""

    def build(ages=AGES, **more):
        shapes = [(8, 8, 3), (10, 12, 3)]
        images = [np.full(shapes[number % 2], 100, np.uint8) for number in range(len(ages))]
        subset = subset_of(images, [0] * len(ages), ("young", "old"))
        cases = tuple(
            replace(case, metadata={"age": age, "sex": "f", **more})
            for case, age in zip(subset.cases, ages, strict=True)
        )
        return replace(subset, cases=cases, dataset=replace(subset.dataset, cases=cases))

    return build


def fitted(row, cases, out):
    out.mkdir()
    row.check_dataset(cases.dataset)
    return row.fit(cases, cases, training=Training(), seed=0, device="cpu", out=out)


IMAGE = ColSpec("binary", "file")


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        (TABLE, [IMAGE, ColSpec("double", "age")]),
        (TABLE, [ColSpec("float", "age"), IMAGE]),
        (TABLE, [IMAGE, ColSpec("integer", "age"), ColSpec("string", "sex")]),
        (TABLE, [IMAGE, ColSpec("long", "age", required=False)]),
        (
            "import base64; assert base64.b64decode(model_input['x'].iloc[0])[1:4] == b'PNG'; "
            "assert set(model_input['sex']) == {'f'}; p = model_input['age'] / 100",
            [ColSpec("string", "x"), ColSpec("double", "age"), ColSpec("string", "sex")],
        ),
        (
            TENSORS,
            [TensorSpec(np.dtype("float32"), (-1, 8, 8, 3), "pixels"), TensorSpec(np.dtype("float32"), (-1, 1), "age")],
        ),
        (
            TENSORS,
            [TensorSpec(np.dtype("int64"), (-1,), "age"), TensorSpec(np.dtype("uint8"), (-1, 8, 8, 3), "pixels")],
        ),
    ],
)
def test_columns_arrive_with_their_images_under_every_condition(body, inputs, by_age, patients, tmp_path):
    row, cases = by_age(body, *inputs), patients()
    report = fitted(row, cases, tmp_path / "fit")
    model = row.load(tmp_path / "fit", classes=cases.classes, device="cpu")
    noisy = Condition(augmentation="gaussian_noise", severity=0.1, level=1, function=gaussian_noise)

    for condition in ({}, {"condition": noisy}):
        predictions = predict(model, cases, task=CLASSIFICATION, batch_size=3, **condition)

        np.testing.assert_allclose(predictions.probabilities[:, 1], np.divide(AGES, 100), atol=1e-6)
    assert any("was given age" in note for note in report.notes)


def test_images_without_their_cases_are_refused_by_what_serves_them(by_age, patients, tmp_path):
    row, cases = by_age(TABLE, IMAGE, ColSpec("double", "age")), patients()
    fitted(row, cases, tmp_path / "fit")
    write_adapter_file(row, cases.classes, tmp_path / "fit")

    served = ServedModel(tmp_path / "fit")

    with pytest.raises(ModelError, match="takes age beside each image") as caught:
        served.predict(list(cases.images()))
    assert "mlflow models serve -m" in caught.value.fix
    assert row.metadata_columns(cases.dataset) == ("age",)


@pytest.mark.parametrize(
    ("column", "ages", "says"),
    [
        (ColSpec("long", "age"), (20.0, float("nan"), 61.5, 80.0), r"2 of 4 cases .* '1': it is empty"),
        (ColSpec("boolean", "age"), AGES, "neither true nor false"),
        (ColSpec("string", "age"), ("x", "", "NA", "y"), r"2 of 4 cases"),
        (ColSpec("double", "age"), (20.0, "old", 60.0, 80.0), "'old' is no number"),
        (ColSpec("double", "Age"), AGES, r"has the columns age, sex. Did you mean 'age'\?"),
    ],
)
def test_cases_without_such_a_value_are_refused_before_any_work(column, ages, says, by_age, patients):
    row = by_age(TABLE, IMAGE, column)

    with pytest.raises(ModelError, match=says):
        row.check_dataset(patients(ages).dataset)


def test_missing_numbers_are_nan():
    assert np.isnan(MetadataInput(name="age", type="double").encode(["n/a", float("nan")])).all()


def test_words_for_yes_are_true():
    column = MetadataInput(name="smoker", type="boolean", shape=(1,))

    assert column.encode(["Yes", 0.0, "true"]).tolist() == [[True], [False], [True]]
