"""Models from elsewhere are tried before the first job: nothing is written for one that does not fit."""

import warnings
from dataclasses import replace

import mlflow
import numpy as np
import pytest
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from arogya_bench.errors import JobKilled, ModelError
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.pyfunc import PyFunc
from arogya_bench.sweeps.model_trials import try_on_dataset

CODE = """
import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Even(PythonModel):
    def predict(self, context, model_input, params=None):
        {body}

set_model(Even())
"""
EVEN = "return np.full((len(model_input), 3), 1 / 3)"


@pytest.fixture
def saved(tmp_path):
    """Save a model in a folder, and count how often its code runs."""

    def build(body=EVEN, **metadata):
        (tmp_path / "code.py").write_text(CODE.format(body=body), encoding="utf-8")
        with warnings.catch_warnings(record=True, action="ignore"):  # MLflow's advice on logging models
            mlflow.pyfunc.save_model(
                tmp_path / "model",
                python_model=str(tmp_path / "code.py"),
                signature=ModelSignature(inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, 16, 16, 3))])),
                metadata=metadata or None,
                pip_requirements=[],
            )
        return str(tmp_path / "model")

    return build


@pytest.mark.slow
def test_a_model_in_unknown_order_stops_the_sweep_before_a_run_is_made(saved, command_in, tiny, tmp_path):
    words = [word for word in tiny if not word.startswith("model=")]

    ended = command_in(tmp_path, "run", *words, "model=pyfunc", f"model.uri={saved()}")

    assert ended.code == 2
    assert "order of the classes in the output of the model is unknown" in ended.err
    assert "model.classes=[" in ended.err


@pytest.mark.slow
def test_each_row_is_tried_once_for_all_its_seeds(saved, job_of, tmp_path, monkeypatch, capsys):
    """The model counts its calls in a file, where the command was started."""
    monkeypatch.chdir(tmp_path)
    count = "open('calls', 'a').write('x'); "
    classes = list(prepare(job_of()).dataset.classes)
    saved(count + EVEN.replace("3), 1 / 3", f"{len(classes)}), 0.99 / {len(classes)}"))
    planned = prepare(job_of("pyfunc", PyFunc(uri="model", classes=classes)), check=False)

    capsys.readouterr()
    try_on_dataset(planned)
    assert f"{planned.job.row_name}: its rows sum to 0.9900" in capsys.readouterr().err
    try_on_dataset(replace(planned, job=replace(planned.job, seed=7)))

    assert (tmp_path / "calls").read_text() == "x"


@pytest.mark.slow
def test_a_model_whose_process_dies_is_said_and_leaves_the_sweep_alive(saved, job_of):
    uri = saved("import os; os._exit(7)", classes=["never", "read"])
    planned = prepare(job_of("pyfunc", PyFunc(uri=uri)), check=False)
    fitting = replace(planned.dataset, classes=("never", "read"))

    with pytest.raises(JobKilled, match="exit code 7"):
        try_on_dataset(replace(planned, dataset=fitting))


def test_a_signature_of_other_classes_is_refused_without_running_its_code(saved, job_of):
    uri = saved("raise SystemExit(1)", classes=["normal", "pneumonia"])

    with pytest.raises(ModelError, match=r"\['normal', 'pneumonia'\]; the dataset has"):
        prepare(job_of("pyfunc", PyFunc(uri=uri)))
