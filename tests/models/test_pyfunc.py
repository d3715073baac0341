"""Real MLflow models, logged in a real store, as rows of a study."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import warnings
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import urlopen

import mlflow
import numpy as np
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

from arogya_bench.errors import ConfigError, ModelError, UnevenBatchError
from arogya_bench.evaluation.inference import predict
from arogya_bench.models.pyfunc import PyFunc
from arogya_bench.runtime.digests import digest_of, model_identity
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.types import Training

CLASSES = ("dark", "bright")
# Grey levels whose shares of white are exact enough; their share is the chance of ``bright``.
LEVELS = (0, 51, 204, 255)
SCRIPT = """
import base64, io
import numpy as np
import pandas as pd
import PIL.Image
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

def opened(files):
    return [np.asarray(PIL.Image.open(io.BytesIO(file))) for file in files]

def mean(images):
    return np.array([np.asarray(image, float).mean() for image in images])

class Brightness(PythonModel):
    def predict(self, context, model_input, params=None):
        x = model_input
        {body}

set_model(Brightness())
"""
TABLE = "p = mean(x) / 255; return np.stack([1 - p, p], axis=1)"


def tensor(shape=(-1, 32, 32, 3), dtype="uint8", name=None):
    return TensorSpec(np.dtype(dtype), shape, name=name)


def code(folder, body, script=SCRIPT):
    """Write a model as code, which MLflow keeps without a pickle."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "brightness.py"
    file.write_text(script.replace("{body}", body), encoding="utf-8")
    return file


def arguments(folder, body=TABLE, inputs=None, outputs=None, classes=CLASSES, **named):
    """What MLflow is told about a model when it is logged or saved."""
    signature = ModelSignature(inputs=Schema([inputs or tensor()]), outputs=Schema(outputs) if outputs else None)
    return {
        "python_model": str(code(folder, body)),
        "signature": signature,
        "metadata": {"classes": list(classes)} if classes else None,
        "pip_requirements": [],
        **named,
    }


@pytest.fixture
def model(tmp_path):
    """Save a model in a folder and name it; the rest are fields of the row."""

    def build(body=TABLE, *, inputs=None, outputs=None, classes=CLASSES, named=(), **fields):
        folder = tmp_path / "model"
        told = arguments(tmp_path / "code", body, inputs, outputs, classes, **dict(named))
        with warnings.catch_warnings(record=True, action="ignore"):  # MLflow's advice on logging models
            mlflow.pyfunc.save_model(folder, **told)
        return PyFunc(uri=str(folder), **fields)

    return build


@pytest.fixture
def grey(subset_of):
    """Images of one grey level each, whose true class does not matter."""

    def build(*shapes, levels=LEVELS, classes=CLASSES):
        sizes = [shapes[i % len(shapes)] for i in range(len(levels))] if shapes else None
        images = [np.full((*(sizes[i] if sizes else (32, 32)), 3), level, np.uint8) for i, level in enumerate(levels)]
        return subset_of(images, [i % 2 for i in range(len(images))], classes)

    return build


def fit(row, cases, out):
    return row.fit(cases, cases, training=Training(), seed=0, device="cpu", out=out)


def answers(row, cases, out):
    """The probabilities of ``bright``, and the notes."""
    out.mkdir(exist_ok=True)
    row.check(device="cpu")
    report = fit(row, cases, out)
    rows = row.load(out, classes=cases.classes, device="cpu")(list(cases.images()))
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-9)
    return rows[:, cases.classes.index("bright")], report.notes


@pytest.mark.parametrize(
    ("body", "inputs"),
    [
        (TABLE, tensor()),
        ("p = mean(x); return np.stack([1 - p, p], axis=1)", tensor(dtype="float32")),
        ("p = mean(x); return np.stack([1 - p, p], axis=1)", tensor(dtype="float64")),
        (TABLE, tensor(dtype="int64")),
        ("assert x.shape[1:] == (3, 16, 16); " + TABLE, tensor((-1, 3, 16, 16))),
        ("assert x.shape[1:] == (16, 20, 3); " + TABLE, tensor((-1, 16, 20, 3))),
        ("assert x.shape[1:] == (16, 16, 1); " + TABLE, tensor((-1, 16, 16, 1))),
        ("assert x.shape[1:] == (16, 16); " + TABLE, tensor((-1, 16, 16))),
        ("assert len(x) == 1; " + TABLE, tensor((1, 32, 32, 3))),
        ("x = x['pixels']; " + TABLE, tensor(name="pixels")),
        ("x = opened(x['file']); " + TABLE, ColSpec("binary", "file")),
        ("x = opened(x.iloc[:, 0]); " + TABLE, ColSpec("binary")),
        ("x = opened(map(base64.b64decode, x['file'])); " + TABLE, ColSpec("string", "file")),
    ],
)
def test_images_arrive_as_the_signature_asks(body, inputs, model, grey, tmp_path):
    bright, _ = answers(model(body, inputs=inputs), grey((32, 32), (24, 40)), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)


@pytest.mark.parametrize("first", ["channels", "rows"])
def test_pixels_and_colours_keep_their_places(first, model, subset_of, tmp_path):
    """The probability is the red of one pixel in a corner."""
    image = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    body, shape = {
        "channels": ("p = x[:, 0, 7, 2] / 255", (-1, 3, 8, 8)),
        "rows": ("p = x[:, 7, 2, 0] / 255", (-1, 8, 8, 3)),
    }[first]
    row = model(f"{body}; return np.stack([1 - p, p], axis=1)", inputs=tensor(shape))

    bright, _ = answers(row, subset_of([image], [0], CLASSES), tmp_path / "fit")

    assert bright == pytest.approx(image[7, 2, 0] / 255)


def test_files_hold_the_pixels_without_loss(model, subset_of, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    body = "p = np.array([each[4, 2, 0] / 255 for each in opened(x['file'])])"
    row = model(f"{body}; return np.stack([1 - p, p], axis=1)", inputs=ColSpec("binary", "file"))

    bright, _ = answers(row, subset_of([image], [0], CLASSES), tmp_path / "fit")

    assert bright == pytest.approx(image[4, 2, 0] / 255)


def test_normalisation_reaches_the_model(model, subset_of, tmp_path):
    image = np.full((8, 8, 3), (255, 0, 51), np.uint8)
    body = "assert np.allclose(x[0, 0, 0], [1.0, -3.0, -1.2], atol=1e-6), x[0, 0, 0]; p = np.full(len(x), 0.25)"
    row = model(
        f"{body}; return np.stack([1 - p, p], axis=1)",
        inputs=tensor((-1, 8, 8, 3), "float32"),
        **{"scale": 2.0, "offset": -1.0, "mean": [0.0, 0.5, 0.0], "std": [1.0, 0.5, 0.5]},
    )

    bright, _ = answers(row, subset_of([image], [0], CLASSES), tmp_path / "fit")

    assert bright.tolist() == [0.25]


@pytest.mark.parametrize(
    ("inputs", "fields", "says"),
    [
        (tensor(), {"mean": [0.5]}, "model.mean cannot be applied: the model takes whole numbers"),
        (ColSpec("binary", "file"), {"std": [0.5], "offset": 1.0}, "model.offset, model.std cannot be applied"),
        (tensor((-1, 8, 8, 1), "float32"), {"mean": [0.4, 0.5, 0.6]}, "takes grey images"),
    ],
)
def test_normalisation_that_cannot_be_applied_is_refused(inputs, fields, says, model, grey, tmp_path):
    with pytest.raises(ModelError, match=says):
        fit(model(inputs=inputs, **fields), grey(), tmp_path)


def test_scale_of_whole_numbers_is_noted(model, grey, tmp_path):
    _, notes = answers(model(scale=255.0), grey(), tmp_path / "fit")

    assert any("so scale was not used" in note for note in notes)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("models:/skin/3", "skin/3"),
        ("models:/skin@champion", "skin@champion"),
        ("models:/m-0123", "m-0123"),
        ("runs:/0123/net", "net"),
        ("a/folder/net/", "net"),
        ("s3://bucket/net", "net"),
    ],
)
def test_rows_are_called_by_what_tells_models_apart(uri, name):
    assert PyFunc(uri=uri).display_name == name


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_model_is_tried_on_the_dataset_if_its_part_is_empty(count, model, grey, tmp_path):
    cases = grey()
    row = model(classes=None)

    with pytest.raises(ModelError, match="order of the classes"):
        fit(row, replace(cases, cases=cases.cases[:count]), tmp_path)


def test_white_is_what_scale_says(model, grey, tmp_path):
    row = model(inputs=tensor(dtype="float32"), scale=255.0)

    bright, _ = answers(row, grey(), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)


@pytest.mark.parametrize(("image_size", "sides"), [(None, "(24, 40), (32, 32)"), (16, "(16, 16)")])
def test_open_size_takes_images_as_they_are_or_as_image_size_says(image_size, sides, model, grey, tmp_path):
    body = f"assert x.shape[1:3] in [{sides}]; " + TABLE
    row = model(body, inputs=tensor((-1, -1, -1, 3)), image_size=image_size)

    bright, _ = answers(row, grey((32, 32), (24, 40)), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)


def test_fixed_size_wins_over_image_size_and_says_so(model, grey, tmp_path):
    _, notes = answers(model(image_size=64), grey(), tmp_path / "fit")

    assert "its signature requires 32 x 32 pixels, so image_size was not used" in notes


def test_code_with_type_hints_takes_a_list(grey, tmp_path):
    script = SCRIPT.replace("model_input, params=None", "model_input: list[bytes]")
    file = code(tmp_path / "code", "assert type(x) is list; x = opened(x); " + TABLE, script)
    with warnings.catch_warnings(record=True, action="ignore"):  # MLflow's advice on logging models
        mlflow.pyfunc.save_model(
            tmp_path / "model", python_model=str(file), metadata={"classes": list(CLASSES)}, pip_requirements=[]
        )

    bright, _ = answers(PyFunc(uri=str(tmp_path / "model")), grey(), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)


def test_no_images_give_no_rows(model, grey, tmp_path):
    row = model()
    fit(row, grey(), tmp_path)

    rows = row.load(tmp_path, classes=CLASSES, device="cpu")([])

    assert rows.shape == (0, 2)


@pytest.mark.parametrize(
    "body",
    [
        "p = mean(x) / 255; return pd.DataFrame({'bright': p, 'dark': 1 - p})",
        "p = mean(x) / 255; return {'out': np.stack([1 - p, p], axis=1)}",
        "p = mean(x) / 255; return np.stack([1 - p, p], axis=1).astype('float32').tolist()",
        "p = mean(x) / 255; return pd.DataFrame({0: 1 - p, 1: p})",
        "p = mean(x) / 255; return pd.DataFrame({'all': np.stack([1 - p, p], axis=1).tolist()})",
    ],
)
def test_every_form_of_probabilities_is_read(body, model, grey, tmp_path):
    bright, _ = answers(model(body), grey(), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "columns"),
    [
        ({"outputs": [ColSpec("double", "dark"), ColSpec("double", "bright")]}, "1 - p, p"),
        ({"outputs": [ColSpec("double", "bright"), ColSpec("double", "dark")]}, "p, 1 - p"),
        ({"classes": ("bright", "dark")}, "p, 1 - p"),
        ({"classes": ("0", "1"), "chosen": ["bright", "dark"]}, "p, 1 - p"),
        ({"chosen": ["dark", "bright"]}, "1 - p, p"),
    ],
)
def test_class_order_comes_from_signature_metadata_or_option(fields, columns, model, grey, tmp_path):
    fields = {"classes": None, **fields}
    row = replace(
        model(
            f"p = mean(x) / 255; return np.stack([{columns}], axis=1)",
            classes=fields["classes"],
            outputs=fields.get("outputs"),
        ),
        classes=fields.get("chosen", []),
    )

    bright, notes = answers(row, grey(), tmp_path / "fit")

    reordered = "its classes (bright, dark) were reordered to match the dataset"
    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)
    assert (reordered in notes) == (columns == "p, 1 - p")


def test_unnamed_columns_in_unknown_order_are_refused(model, grey, tmp_path):
    row = model(classes=None)

    with pytest.raises(ModelError, match="order of the classes in the output") as caught:
        fit(row, grey(), tmp_path)

    assert "model.classes=[dark,bright]" in caught.value.fix


@pytest.mark.parametrize(
    "fields",
    [
        {"classes": ("normal", "pneumonia")},
        {"outputs": [ColSpec("double", "normal"), ColSpec("double", "pneumonia")]},
        {"body": "p = mean(x) / 255; return pd.DataFrame({'normal': 1 - p, 'pneumonia': p})"},
    ],
)
def test_other_class_names_are_refused_with_both_lists(fields, model, grey, tmp_path):
    row = model(**{"classes": None, **fields})

    with pytest.raises(ModelError) as caught:
        fit(row, grey(), tmp_path)

    assert "['normal', 'pneumonia']; the dataset has ['dark', 'bright']" in caught.value.problem


def test_contradicting_class_orders_are_refused(model, grey, tmp_path):
    row = replace(model(), classes=["bright", "dark"])

    with pytest.raises(ModelError, match=r"its metadata has .* and model.classes has"):
        fit(row, grey(), tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        "return np.where(mean(x) > 127, 'bright', 'dark')",
        "return pd.DataFrame({'label': np.where(mean(x) > 127, 'bright', 'dark')})",
        "return pd.Series(np.where(mean(x) > 127, 'bright', 'dark'))",
        "return (mean(x) > 127).astype(int)",
        "return (mean(x) > 127).reshape(-1, 1)",
    ],
)
def test_labels_become_zeros_and_ones_and_the_notes_say_so(body, model, grey, tmp_path):
    row = model(body)
    bright, notes = answers(row, grey(), tmp_path / "fit")

    assert bright.tolist() == [0, 0, 1, 1]
    assert any("labels, not probabilities" in note for note in notes)
    steps = row.load(tmp_path / "fit", classes=CLASSES, device="cpu")
    assert predict(steps, grey(), task=CLASSIFICATION, batch_size=2).labels_only


def test_names_need_no_class_order_but_numbers_do(model, grey, tmp_path):
    names = model("return np.where(mean(x) > 127, 'bright', 'dark')", classes=None)
    assert answers(names, grey(), tmp_path / "fit")[0].tolist() == [0, 0, 1, 1]

    shutil.rmtree(names.uri)
    numbers = model("return (mean(x) > 127).astype(int)", classes=None)
    with pytest.raises(ModelError, match="order of the classes in the output"):
        fit(numbers, grey(), tmp_path)


@pytest.mark.parametrize(
    ("body", "problem", "fix"),
    [
        ("return np.array([[2.0, -1.0]] * len(x))", "not probabilities", "model.softmax=true"),
        ("return np.array([[0.7, 0.7]] * len(x))", "sums to 1.4", "model.softmax=true"),
        ("return np.full((len(x), 2), np.nan)", "not finite", "fix the model"),
        ("return mean(x) / 2", "one value per image, such as", "one probability per class"),
        ("return mean(x).astype(int)", "class indices from 255 to 255", "from 0"),
        ("return np.array(['red'] * len(x))", r"returned the classes \['red'\]", "model.class_names"),
        ("return np.ones((len(x), 3))", r"shape \(1, 3\) for 1 images", "one row per image"),
        ("return np.ones((2 * len(x), 2)) / 2", r"shape \(2, 2\)", "one row per image"),
        ("return {'a': x, 'b': x}", "2 outputs: a, b", "only probabilities"),
        ("return [['a', 'b']] * len(x)", "not a table of numbers", "an array"),
        ("raise ValueError('no ' + str(object()))", "ValueError: no <object object>\n", "notebook"),
        ("raise SystemExit(3)", "SystemExit: 3", "notebook"),
        ("raise ValueError('no ' + str(x.shape))", r"ValueError: no \(1, 32, 32, 3\)", "notebook"),
    ],
)
def test_answers_that_are_no_classification_are_refused(body, problem, fix, model, grey, tmp_path):
    row = model(body)

    with pytest.raises(ModelError, match=problem) as caught:
        fit(row, grey(levels=(255,)), tmp_path)

    assert fix in caught.value.fix


def test_softmax_turns_logits_into_probabilities(model, grey, tmp_path):
    row = model("z = mean(x); return np.stack([0 * z, z], axis=1)", softmax=True)

    bright, _ = answers(row, grey(levels=(0, 1, 255)), tmp_path / "fit")

    np.testing.assert_allclose(bright, [0.5, 1 / (1 + np.exp(-1)), 1], atol=1e-9)


@pytest.mark.parametrize(
    "inputs",
    [
        tensor((-1, 3072)),
        tensor((-1, 32, 32, 4)),
        tensor((8, 32, 32, 3)),
        tensor(dtype="bool"),
        ColSpec("double", "radius"),
    ],
)
def test_signatures_for_something_else_than_images_are_refused(inputs, model, grey, tmp_path):
    with pytest.raises(ModelError, match="not a supported image input") as caught:
        fit(model(inputs=inputs), grey(), tmp_path)

    assert "(-1, height, width, 3)" in caught.value.fix


def test_model_without_a_signature_is_refused(model, grey, tmp_path):
    row = model(named={"signature": None})

    with pytest.raises(ModelError, match="has no signature") as caught:
        fit(row, grey(), tmp_path)

    assert "ModelSignature" in caught.value.fix


def test_code_that_cannot_be_imported_is_refused_with_its_requirements(model, grey, tmp_path):
    row = model()
    file = tmp_path / "model" / "brightness.py"
    file.write_text("import a_package_that_nobody_has\n", encoding="utf-8")

    with pytest.raises(ModelError, match="a_package_that_nobody_has") as caught:
        fit(row, grey(), tmp_path)

    assert "requirements.txt" in caught.value.fix


def test_other_versions_are_one_note_and_one_line(model, grey, tmp_path, capsys):
    row = model(named={"pip_requirements": ["numpy==1.0.0", "pandas"]})
    capsys.readouterr()  # MLflow warns whoever logs such a model, too

    _, notes = answers(row, grey(), tmp_path / "fit")

    assert notes[-1] == f"it was logged with numpy 1.0.0 (here {np.__version__})"
    assert capsys.readouterr().err.count("\n") == 1


def test_other_classes_than_those_of_the_fit_are_refused(model, grey, tmp_path):
    row = model()
    fit(row, grey(), tmp_path)

    with pytest.raises(ModelError, match="in this order"):
        row.load(tmp_path, classes=CLASSES[::-1], device="cpu")


def test_files_that_changed_since_the_fit_are_refused(model, grey, tmp_path):
    row = model()
    fit(row, grey(), tmp_path)
    code(tmp_path / "model", "return np.ones((len(x), 2)) / 2")

    with pytest.raises(ModelError, match="another model than when this fit was recorded"):
        row.load(tmp_path, classes=CLASSES, device="cpu")


def test_fingerprint_is_of_the_files_and_not_of_their_place(model, grey, tmp_path):
    row = model()
    before = row.fingerprint()
    copy = replace(row, uri=str(shutil.copytree(tmp_path / "model", tmp_path / "copy")))
    (tmp_path / "copy" / "registered_model_meta").write_text("model_name: brightness\n")
    (tmp_path / "copy" / "__pycache__").mkdir()
    (tmp_path / "copy" / "__pycache__" / "brightness.pyc").write_bytes(b"left by an import")
    same = copy.fingerprint()
    (tmp_path / "copy" / "requirements.txt").write_text("numpy==1.0.0\n")

    assert len(before) == 32
    assert int(before, 16)
    assert same == before
    assert copy.fingerprint() != before


def test_fingerprint_ignores_when_a_model_was_logged(model, tmp_path):
    first = model().fingerprint()
    shutil.rmtree(tmp_path / "model")

    assert model().fingerprint() == first


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("flavors: [", "damaged"),
        ("just words", "damaged"),
        ("signature: words", "damaged"),
        ("signature: {inputs: '[{'}", "damaged"),
        ("flavors: {onnx: {}}", "no Python function"),
    ],
)
def test_damaged_descriptions_are_refused(content, says, grey, tmp_path):
    (tmp_path / "MLmodel").write_text(content, encoding="utf-8")

    with pytest.raises(ModelError, match=says):
        fit(PyFunc(uri=str(tmp_path)), grey(), tmp_path)


@pytest.mark.parametrize(
    "uri",
    [
        "models:/",
        "models:/brightness",
        "models:brightness/1",
        "models:/brightness/Production",
        "models:/brightness/1/more",
        "runs:/0123456789",
        "model:/brightness/1",
        "run:/0123456789/model",
        "no/such/folder",
        "???",
    ],
)
def test_malformed_addresses_are_refused_by_the_check(uri):
    with pytest.raises(ModelError) as caught:
        PyFunc(uri=uri).check(device="cpu")

    assert repr(uri) in caught.value.problem
    assert "model.uri" in caught.value.fix


@pytest.mark.parametrize("uri", ["models:/a/1", "models:/a@b", "models:/m-0", "s3://bucket/model"])
def test_well_formed_addresses_pass_the_check_without_a_store(uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    PyFunc(uri=uri).check(device="cpu")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"uri": ""}, "uri is empty"),
        ({"uri": "models:/a/1", "scale": 0.0}, "scale is 0.0"),
        ({"uri": "models:/a/1", "image_size": 0}, "image_size is 0"),
    ],
)
def test_impossible_fields_are_refused_when_built(fields, says):
    with pytest.raises(ConfigError, match=says):
        PyFunc(**fields)


def test_absent_store_is_named_and_not_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ModelError, match="no MLflow store at") as caught:
        PyFunc(uri="models:/brightness/1").fingerprint()

    assert "MLFLOW_TRACKING_URI" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_password_of_a_store_is_not_repeated(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:hushhush@127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between two tries

    with pytest.raises(ModelError, match="does not respond") as caught:
        PyFunc(uri="models:/brightness/1").fingerprint()

    assert "hushhush" not in str(caught.value)
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_check_imports_no_mlflow(tmp_path):
    program = (
        "import sys\n"
        "from arogya_bench.models.pyfunc import PyFunc\n"
        "PyFunc(uri='models:/brightness/1').check(device='cpu')\n"
        "print('mlflow' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert done.stdout == "False\n"


def database(source, target):
    """Copy an empty store, which MLflow takes seconds to make."""
    with (
        closing(sqlite3.connect(source / "mlflow.db")) as before,
        closing(sqlite3.connect(target / "mlflow.db")) as after,
    ):
        before.backup(after)


@pytest.fixture
def server(empty_store_folder, tmp_path):
    """The address of an MLflow server that keeps the files of its models to itself."""
    database(empty_store_folder, tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    program += ["--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db"]
    program += ["--artifacts-destination", str(tmp_path / "artifacts")]
    quiet = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(program, env=quiet, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            with suppress(OSError), urlopen(f"{address}/health", timeout=1):
                break
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@pytest.mark.slow
def test_files_on_a_server_are_fetched_once(server, grey, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    with warnings.catch_warnings(record=True, action="ignore"):  # MLflow's advice on logging models
        experiment = mlflow.MlflowClient().create_experiment("served")
        with mlflow.start_run(experiment_id=experiment):
            mlflow.pyfunc.log_model(name="net", registered_model_name="served", **arguments(tmp_path / "code"))
    row = PyFunc(uri="models:/served/1")

    bright, _ = answers(row, grey(), tmp_path / "fit")
    shutil.rmtree(tmp_path / "artifacts")
    again, _ = answers(row, grey(), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)
    np.testing.assert_array_equal(again, bright)


@dataclass(frozen=True)
class Registry:
    """One store with a model in two versions, and a scikit-learn model."""

    uri: str
    run_id: str
    model_id: str


@pytest.fixture(scope="module")
def registry(empty_store_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    database(empty_store_folder, folder)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True, action="ignore"):
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        client = mlflow.MlflowClient()
        experiment = client.create_experiment("models", str(folder / "mlruns"))
        with mlflow.start_run(experiment_id=experiment) as run:
            first = mlflow.pyfunc.log_model(
                name="net", registered_model_name="brightness", **arguments(folder / "first")
            )
            flipped = arguments(folder / "second", TABLE.replace("1 - p, p", "p, 1 - p"), classes=CLASSES[::-1])
            mlflow.pyfunc.log_model(name="other", registered_model_name="brightness", **flipped)
            classical(name="classical")
        client.set_registered_model_alias("brightness", "best", "1")
    return Registry(uri=f"sqlite:///{folder}/mlflow.db", run_id=run.info.run_id, model_id=first.model_id)


def classical(**named):
    """Log logistic regression on pixels, whose answers are its ``predict_proba``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    flat = FunctionTransformer(np.reshape, kw_args={"shape": (-1, 48)})
    images = np.stack([np.full((4, 4, 3), level) for level in (0, 60, 200, 255)]) / 255
    fitted = make_pipeline(flat, LogisticRegression()).fit(images, [0, 0, 1, 1])
    mlflow.sklearn.log_model(
        fitted,
        pyfunc_predict_fn="predict_proba",
        signature=ModelSignature(inputs=Schema([tensor((-1, 4, 4, 3), "float64")])),
        pip_requirements=[],
        skops_trusted_types=["numpy.reshape"],
        **named,
    )


@pytest.fixture
def known(registry, monkeypatch):
    """The store, as MLflow finds it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    return registry


def loaded(row, cases, out):
    out.mkdir(exist_ok=True)
    fit(row, cases, out)
    return row.load(out, classes=cases.classes, device="cpu")


def test_images_of_several_sizes_cannot_form_one_batch_but_can_be_predicted(model, grey, tmp_path):
    cases = grey((32, 32), (20, 40))
    steps = loaded(model(inputs=tensor((-1, -1, -1, 3))), cases, tmp_path / "fit")
    images = list(cases.images())

    with pytest.raises(UnevenBatchError, match="2 sizes, such as 20 x 40 and 32 x 32 pixels") as caught:
        steps.preprocess(images)

    assert "model.image_size" in caught.value.fix
    assert len(steps.postprocess(steps.forward(steps.preprocess(images[::2])), images[::2])) == 2
    assert len(steps(images)) == 4


def test_a_signature_for_one_image_limits_the_batch(model, grey, tmp_path):
    cases = grey()
    one = loaded(model("assert len(x) == 1; " + TABLE, inputs=tensor((1, 32, 32, 3))), cases, tmp_path / "fit")

    assert one.max_batch_size == 1
    assert len(one(list(cases.images()))) == 4


def test_a_signature_for_any_number_limits_nothing(model, grey, tmp_path):
    assert loaded(model(), grey(), tmp_path / "fit").max_batch_size is None


@pytest.mark.parametrize("form", ["version", "alias", "logged model", "run"])
def test_all_addresses_of_a_model_lead_to_the_same_files(form, known, grey, tmp_path):
    uri = {
        "version": "models:/brightness/1",
        "alias": "models:/brightness@best",
        "logged model": f"models:/{known.model_id}",
        "run": f"runs:/{known.run_id}/net",
    }[form]
    row = PyFunc(uri=uri)

    bright, notes = answers(row, grey(), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)
    assert notes == (f"{uri} was used unchanged; nothing was trained",)
    assert row.fingerprint() == PyFunc(uri="models:/brightness/1").fingerprint()


def test_a_store_whose_address_writes_a_blank_as_mlflow_run_does_is_found(registry, grey, tmp_path, monkeypatch):
    (tmp_path / "a ward").symlink_to(Path(registry.uri.removeprefix("sqlite:///")).parent)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/a%20ward/mlflow.db")

    bright, _ = answers(PyFunc(uri="models:/brightness/1"), grey(), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)


def test_latest_is_the_last_version(known, grey, tmp_path):
    row = PyFunc(uri="models:/brightness/latest")

    bright, notes = answers(row, grey(), tmp_path / "fit")

    np.testing.assert_allclose(bright, np.divide(LEVELS, 255), atol=1e-6)
    assert "its classes (bright, dark) were reordered to match the dataset" in notes
    assert row.fingerprint() == PyFunc(uri="models:/brightness/2").fingerprint()


def test_alias_that_moves_changes_the_key_and_refuses_the_old_fit(known, grey, tmp_path):
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("brightness", "moving", "1")
    row = PyFunc(uri="models:/brightness@moving")
    fit(row, grey(), tmp_path)
    before = digest_of(model_identity(row))

    client.set_registered_model_alias("brightness", "moving", "2")

    assert digest_of(model_identity(row)) != before
    with pytest.raises(ModelError, match="another model than when this fit was recorded"):
        row.load(tmp_path, classes=CLASSES, device="cpu")


def test_scikit_learn_model_is_a_row(known, grey, tmp_path):
    row = PyFunc(uri=f"runs:/{known.run_id}/classical", classes=list(CLASSES))

    bright, _ = answers(row, grey(), tmp_path / "fit")

    assert (np.diff(bright) > 0).all()
    assert (bright > 0.5).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    "uri",
    [
        "models:/brightness/9",
        "models:/nobody/1",
        "models:/nobody/latest",
        "models:/brightness@nobody",
        "models:/m-0123456789",
        "runs:/0123456789/net",
    ],
)
def test_unknown_models_are_refused(uri, known):
    with pytest.raises(ModelError, match="cannot be read from") as caught:
        PyFunc(uri=uri).fingerprint()

    assert uri in caught.value.problem
    assert "model.uri" in caught.value.fix


def test_run_without_such_a_model_is_refused(known):
    with pytest.raises(ModelError, match="holds no MLflow model"):
        PyFunc(uri=f"runs:/{known.run_id}/nothing").fingerprint()
