"""Fitted models as MLflow sees them."""

import json

import numpy as np
import pytest

from arogya_bench.errors import ModelError
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.serving import ADAPTER_FILE, OLD_CLASS_PATHS, ServedModel, find_adapter, write_adapter_file
from arogya_bench.types import Training


@pytest.fixture(scope="module")
def folder(job_of, tmp_path_factory):
    parts = prepare(job_of()).split
    out = tmp_path_factory.mktemp("fit")
    model = OpenCVClassifier(image_size=32)
    model.fit(parts.train, parts.validation, training=Training(), seed=1, device="cpu", out=out)
    write_adapter_file(model, parts.train.classes, out)
    return out


def test_images_of_several_sizes_and_from_json_are_answered(folder):
    served = ServedModel(folder)
    images = [np.full((20, 30, 3), 99, np.uint8), np.full((40, 40, 3), 9, np.uint8)]

    arrays = served.predict(images)
    lists = served.predict([image.tolist() for image in images])

    assert list(arrays.columns) == list(served.classes)
    np.testing.assert_allclose(arrays.sum(axis=1), 1)
    np.testing.assert_array_equal(arrays, lists)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.full((4, 4, 3), 300), np.full((4, 4, 3), -1)]
)
def test_what_is_no_image_is_refused_with_advice(folder, image):
    with pytest.raises(ModelError, match="An image of") as caught:
        ServedModel(folder).predict([image])

    assert "255" in caught.value.fix


def test_an_adapter_that_is_not_installed_is_named(folder, tmp_path):
    described = json.loads((folder / ADAPTER_FILE).read_text())
    (tmp_path / ADAPTER_FILE).write_text(json.dumps({**described, "adapter": "absent_net"}))

    with pytest.raises(ModelError, match="absent_net, which no installed package provides"):
        ServedModel(tmp_path)


def test_an_adapter_of_no_config_package_is_found_by_its_import_path(folder, tmp_path):
    described = json.loads((folder / ADAPTER_FILE).read_text())
    own = {**described, "adapter": "acme_net", "target": "absent.Adapter"}
    (tmp_path / ADAPTER_FILE).write_text(json.dumps(own))

    with pytest.raises(ModelError, match=r"absent\.Adapter, which cannot be imported"):
        ServedModel(tmp_path)


def test_a_stored_model_names_its_adapter_without_a_module_path(folder):
    assert "arogya_bench" not in (folder / ADAPTER_FILE).read_text()


def test_every_class_that_older_models_name_is_found():
    assert [name for name in OLD_CLASS_PATHS.values() if not find_adapter(name)] == []
