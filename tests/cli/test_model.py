"""``arogya-bench model check`` on real MLflow models and images on disk."""

import warnings

import mlflow
import numpy as np
import PIL.Image
import pytest
import yaml
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from arogya_bench.configuration.compose import RunRequest, compose_jobs

CODE = """
import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Brightness(PythonModel):
    def predict(self, context, model_input, params=None):
        p = np.asarray(model_input, float).mean(axis=(1, 2, 3))
        return {returned}

set_model(Brightness())
"""
ROWS = "np.stack([1 - p, p], axis=1)"


@pytest.fixture
def check(command, tmp_path):
    """Save a model, draw images of two classes, and run the command on them."""
    for name, level in (("dark", 30), ("bright", 220)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(5):
            PIL.Image.fromarray(np.full((9, 9, 3), level + number, np.uint8)).save(
                tmp_path / "photos" / name / f"{number}.png"
            )

    def run(returned, *words, dtype="float32", **metadata):
        (tmp_path / "code.py").write_text(CODE.format(returned=returned), encoding="utf-8")
        with warnings.catch_warnings(record=True, action="ignore"):  # MLflow's advice on logging models
            mlflow.pyfunc.save_model(
                tmp_path / "Net 2",
                python_model=str(tmp_path / "code.py"),
                signature=ModelSignature(inputs=Schema([TensorSpec(np.dtype(dtype), (-1, 8, 8, 3))])),
                metadata=metadata or None,
                pip_requirements=["numpy==1.0"],
            )
        return command("model", "check", "Net 2", *words)

    return run


def test_without_images_its_files_are_described_and_its_code_is_left_alone(check):
    ended = check("1 / 0", classes=["dark", "bright"])

    assert ended.code == 0
    assert "a tensor of float32, shape (-1, 8, 8, 3), RGB" in ended.out
    assert "stretched to 8 x 8 pixels" in ended.out
    assert "black is 0 and white 1" in ended.out
    assert "dark, bright: the order of its metadata" in ended.out
    assert "logged with numpy 1.0" in ended.out
    assert "Give --images DIR" in ended.out


def test_answers_are_shown_in_words_and_held_against_the_folders(check):
    ended = check(ROWS, "model.classes=[dark,bright]", "--images", "photos")

    assert ended.code == 0
    assert "bright/0.png  bright 0.86" in ended.out
    assert "dark/0.png    dark 0.88" in ended.out
    assert "8 of 8 answers are the class of the image." in ended.out
    assert "8 of 8  model.scale=1\n" in ended.out


def test_the_printed_config_is_the_row_it_describes(check, tmp_path):
    ended = check(ROWS, "--images", "photos", "model.classes=[dark,bright]", "--out", "my conf/model/net.yaml")

    words = ("model=net", "dataset=image_folder", "dataset.path=photos", "dataset.licence=x")
    (job,) = compose_jobs(RunRequest(overrides=words, config_dir=str(tmp_path / "my conf")))

    assert "arogya-bench run --config-dir 'my conf' model=net" in ended.out
    assert job.model.uri == str(tmp_path / "Net 2")
    assert job.model.classes == ["dark", "bright"]
    assert yaml.safe_load((tmp_path / "my conf/model/net.yaml").read_text())["trained_on"] == []


@pytest.mark.parametrize(
    ("returned", "images", "shown", "code", "said"),
    [
        (ROWS, "photos", "bright/0.png  0.1373, 0.8627", 2, "model.classes=[bright,dark]"),
        (ROWS, "photos/dark", "0.png  class 0 0.88", 0, "such as model.classes=[a,b]"),
        ("np.where(p > 0.5, 'bright', 'dark')", "photos", "bright/0.png  bright\n", 0, "labels, not probabilities"),
        ("np.where(p > 0.5, 'bright', 'dark')", "photos/dark", "0.png  dark\n", 0, "nothing here says"),
        ("pd.DataFrame({'bright': 0 * p + 0.5, 'dark': 0 * p + 0.5})", "photos", "0.50", 0, "nearly the same"),
        ("pd.DataFrame({'dark': p})", "photos/dark", "0.png  dark 0.1176\n", 0, "nothing here says"),
        ("[None] * len(p)", "photos/dark", "", 2, "named no class for"),
        ("pd.DataFrame({'pred': 1, 'p': p})", "photos", "pred 1, p 0.8627", 2, "order of the classes"),
    ],
)
def test_what_cannot_be_read_is_shown_as_it_is(returned, images, shown, code, said, check):
    ended = check(returned, "--images", images)

    assert ended.code == code
    assert shown in ended.out
    assert said in ended.out + ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--images", "nowhere"], "There is no folder nowhere"),
        (["model.clases=[a]"], "Did you mean 'classes'?"),
        (["--out", "net.txt"], "no YAML file"),
        (["--out", "photos/dark/0.png/net.yaml"], "cannot be written"),
        (
            ["--dataset", "image_folder", "dataset.path=photos", "dataset.licence=x", "model.classes=[a,b]"],
            "['a', 'b']",
        ),
    ],
)
def test_wrong_arguments_are_one_message(words, said, check):
    ended = check(ROWS, *words)

    assert ended.code == 2
    assert said in ended.err


def test_a_dataset_names_cases_and_classes(check):
    words = ("dataset.path=photos", "dataset.licence=x", "model.classes=[dark,bright]")
    ended = check(ROWS, "--dataset", "image_folder", *words)

    assert ended.code == 0, ended.err
    assert "8 of 8 answers are the class of the image." in ended.out
