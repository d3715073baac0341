"""The card of a fitted model: what it states, where MLflow shows it, and what it must not tell."""

import re
import socket
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from arogya_bench.evaluation.fitting import find_or_fit
from arogya_bench.evaluation.job import prepare
from arogya_bench.evaluation.model_card import write_card
from arogya_bench.models.mlmodel import model_digest
from arogya_bench.models.prior import Prior
from arogya_bench.models.pytorch_cnn import ConvNet
from arogya_bench.models.yolov8_cls import YOLOv8Classifier
from arogya_bench.tracking.items import FittedModel
from arogya_bench.tracking.logged_models import log_model, logged_name
from arogya_bench.tracking.runs import get_run, start_run


@dataclass(frozen=True, kw_only=True)
class Located(Prior):
    """Takes files and addresses as settings."""

    adapter_name = "test_located"
    adapter_version = 1

    weights: str = "none"
    uri: str = "models:/skin/3"
    folders: list[str] = field(default_factory=list)
    api_key: str = ""


@pytest.fixture
def logged(store, job_of):
    """Fit a job; returns the model as MLflow has it, and the folder of its files."""

    def fit(name, model):
        with find_or_fit(prepare(job_of(name, model)), store, None) as found:
            model = store.client.get_logged_model(get_run(store.uri, found.run_id).tags["arogya.model_id"])
            return model, Path(model.artifact_location)

    return fit


def test_a_logged_model_has_its_row_as_name_and_states_what_it_is(logged, job_of):
    planned = prepare(job_of("small_net", ConvNet(image_size=16, channels=[4])))
    parameters = 4 * (27 + 1) + 256 * (4 + 1) + 3 * (256 + 1)

    model, folder = logged("small_net", ConvNet(image_size=16, channels=[4]))
    text = (folder / "model_card.md").read_text(encoding="utf-8")

    assert model.name == "small_net"
    assert model.params["adapter"] == "pytorch_cnn"
    assert (model.params["image_size"], model.params["channels"]) == ("16", "4")
    assert model.params["parameters"] == str(parameters)
    assert float(model.params["size_mb"]) == pytest.approx(parameters * 4 / 1e6, rel=0.5)
    assert model.tags["arogya.dataset"] == planned.dataset.name
    assert model.tags["arogya.dataset_digest"] == planned.dataset.digest
    assert model.tags["arogya.split_digest"] == planned.split.digest
    assert (model.tags["arogya.seed"], model.tags["arogya.task"]) == ("42", "classification")
    assert model.tags["arogya.version"] == version("arogya-bench")
    metadata = yaml.safe_load((folder / "MLmodel").read_text())["metadata"]
    assert metadata["arogya_card"]["parameters"] == str(parameters)
    assert text.startswith("# small_net\n")
    assert f"| Parameters | {parameters:,} |" in text
    assert planned.dataset.digest in text
    assert datetime.now(UTC).date().isoformat() in text
    assert f"1. {planned.dataset.classes[0]}" in text


def test_a_card_names_no_path_no_host_and_no_secret(job_of, tmp_path):
    weights = tmp_path / "secret_place" / "start.pt"
    model = Located(
        weights=str(weights),
        folders=["C:\\clinic\\scans", "/home/nurse/scans/"],
        api_key="abcdefgh",
        uri="s3://host/net",
    )

    card = write_card(prepare(job_of("located", model)), tmp_path, parameters=None)

    told = repr(card)
    assert card.params["weights"] == "start.pt"
    assert card.params["folders"] == "scans, scans"
    assert card.params["uri"] == "net"
    assert "no neural network" in card.text
    for secret in ("secret_place", "clinic", "nurse", "abcdefgh", "host", str(tmp_path), socket.gethostname()):
        assert secret not in told
    assert not re.search(r"(?<![a-z]:)/\w+/", told)


def test_an_address_of_mlflow_is_kept(job_of, tmp_path):
    card = write_card(prepare(job_of("located", Located())), tmp_path, parameters=None)

    assert card.params["uri"] == "models:/skin/3"


def test_a_model_of_a_library_that_restricts_its_use_says_so(job_of, tmp_path):
    card = write_card(prepare(job_of("yolo", YOLOv8Classifier()), check=False), tmp_path, parameters=1_440_003)

    assert "| Licence | AGPL-3.0, that of Ultralytics" in card.text
    assert card.tags["arogya.licence"].startswith("AGPL-3.0")


def test_the_digest_of_a_model_does_not_depend_on_its_card(store, job_of, tmp_path):
    """The same files, logged twice: with another date, name and size in the card."""
    weights = tmp_path / "fit"
    weights.mkdir()
    (weights / "weights.bin").write_bytes(bytes(64))
    card = write_card(prepare(job_of()), weights, parameters=None)
    fitted = FittedModel(
        name="prior", path=weights, classes=("a", "b"), task="classification", requirement="arogya-bench", card=card
    )
    older = card.text.replace("fitted on 20", "fitted on 19")
    other = replace(card, text=older, params={**card.params, "size_mb": "9"})
    digests = []
    for name, each in (("prior", card), ("copy", other)):
        run_id = start_run(store, "fit", {"arogya.kind": "fit"})
        model_id = log_model(store, run_id, replace(fitted, name=name, card=each))
        folder = Path(store.client.get_logged_model(model_id).artifact_location)
        assert (folder / "model_card.md").read_text(encoding="utf-8") == each.text
        digests.append(model_digest(folder))

    assert digests[0] == digests[1]
    (folder / "data" / "fit" / "weights.bin").write_bytes(bytes(65))
    assert model_digest(folder) != digests[0]


def test_a_card_of_somebody_else_counts_in_the_digest(tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: {}\nmetadata: {classes: [a, b]}\n")
    (tmp_path / "model_card.md").write_text("one")
    before = model_digest(tmp_path)

    (tmp_path / "model_card.md").write_text("another")

    assert model_digest(tmp_path) != before


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("resnet50", "resnet50"),
        ("lab/net:v1.5", "lab_net_v1_5"),
        ('it\'s 50% "net"', "it_s 50_ _net_"),
        ("", "model"),
        ("x" * 600, "x" * 500),
    ],
)
def test_a_row_is_named_as_mlflow_allows(store, row, name):
    assert logged_name(row) == name
    assert store.client.create_logged_model(store.experiment_id, name).name == name
