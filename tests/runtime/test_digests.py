import hashlib
from dataclasses import dataclass, field, make_dataclass
from typing import ClassVar

import pytest

from arogya_bench.errors import ModelError
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.runtime.digests import digest_of, file_digest, model_identity


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    adapter_name: ClassVar[str] = "test_pretrained"
    adapter_version: ClassVar[int] = 1
    depth: int = 2
    weights: str | None = None


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(b"learned")
    return file


def test_the_order_of_facts_does_not_matter():
    first = digest_of({"model": "prior", "seed": 1})

    second = digest_of({"seed": 1, "model": "prior"})

    assert first == second


def test_another_value_is_another_key():
    assert digest_of({"seed": 1}) != digest_of({"seed": 2})


def test_a_key_is_short_enough_for_a_dataset_of_mlflow():
    key = digest_of({"seed": 1})

    assert len(key) == 32
    assert int(key, 16) >= 0


def test_a_key_of_nothing_comparable_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_of({"rate": float("nan")})


def test_a_model_is_its_declared_adapter_and_its_fields():
    found = model_identity(OpenCVClassifier(image_size=32))

    assert found == {
        "adapter": "opencv",
        "adapter_version": 1,
        "features": "hog",
        "classifier": "svm",
        "image_size": 32,
        "keypoints": "detected",
        "vocabulary": 200,
        "neighbours": 15,
        "C": 1.0,
        "gamma": None,
    }


def test_an_adapter_that_moves_to_another_module_keeps_its_keys():
    declared = {"adapter_name": "acme_net", "adapter_version": 2}
    before = make_dataclass("Net", [("depth", int, 3)], namespace=declared, frozen=True)
    after = make_dataclass("AcmeNet", [("depth", int, 3)], namespace=declared, frozen=True)
    before.__module__, after.__module__ = "acme.nets", "acme.vision.networks"

    assert digest_of(model_identity(after())) == digest_of(model_identity(before()))


def test_a_field_that_an_adapter_gets_leaves_the_keys_of_its_default():
    declared = {"adapter_name": "net", "adapter_version": 1}
    unless_default = {"identity": "unless default"}
    widths = field(default_factory=lambda: [8, 16], metadata=unless_default)
    bias = field(default=True, metadata=unless_default)
    before = make_dataclass("Net", [("depth", int, 3)], namespace=declared)
    after = make_dataclass(
        "Net", [("depth", int, 3), ("widths", list, widths), ("bias", bool, bias)], namespace=declared
    )

    assert model_identity(after()) == model_identity(before())
    assert model_identity(after(widths=[8], bias=False)) == {**model_identity(before()), "widths": [8], "bias": False}


def test_another_version_of_an_adapter_is_another_model():
    first = make_dataclass("Net", [], namespace={"adapter_name": "net", "adapter_version": 1})
    second = make_dataclass("Net", [], namespace={"adapter_name": "net", "adapter_version": 2})

    assert model_identity(first()) != model_identity(second())


def test_a_subclass_must_declare_a_name_of_its_own():
    @dataclass(frozen=True, kw_only=True)
    class Deeper(Pretrained):
        """It would share the keys of its parent otherwise."""

    with pytest.raises(ModelError, match="Deeper does not itself declare adapter_name"):
        model_identity(Deeper())


def test_moving_the_weights_changes_nothing(weights):
    before = model_identity(Pretrained(weights=str(weights)))
    moved = weights.rename(weights.with_name("renamed.bin"))

    after = model_identity(Pretrained(weights=str(moved)))

    assert after == before


def test_editing_the_weights_is_another_model(weights):
    before = model_identity(Pretrained(weights=str(weights)))
    weights.write_bytes(b"learned more")

    after = model_identity(Pretrained(weights=str(weights)))

    assert after != before


def test_weights_that_are_a_name_stay_a_name():
    assert model_identity(Pretrained(weights="imagenet"))["weights"] == "imagenet"


@pytest.mark.parametrize("model", [object(), OpenCVClassifier])
def test_what_is_no_dataclass_has_no_identity(model):
    with pytest.raises(ModelError, match="is not a dataclass"):
        model_identity(model)


def test_a_file_is_hashed_by_its_content(weights):
    assert file_digest(weights) == hashlib.sha256(b"learned").hexdigest()[:32]
