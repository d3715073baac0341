"""Any classifier of timm by its name."""

import pytest

from arogya_bench.errors import MissingExtra, ModelError, is_installed
from arogya_bench.models.timm_model import TimmModel

needs_timm = pytest.mark.skipif(not is_installed("timm"), reason="timm is not installed")


@pytest.mark.skipif(is_installed("timm"), reason="timm is installed")
def test_without_timm_the_extra_is_named():
    with pytest.raises(MissingExtra, match="timm"):
        TimmModel().check(device="cpu")


@needs_timm
def test_its_normalisation_is_that_of_timm_or_the_stated_one():
    of_timm = TimmModel(architecture="vit_tiny_patch16_224")._preprocessing
    stated = TimmModel(architecture="vit_tiny_patch16_224", mean=[0.1, 0.2, 0.3])._preprocessing

    assert of_timm.mean == of_timm.std == (0.5, 0.5, 0.5)
    assert (stated.mean, stated.std) == ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))


@needs_timm
def test_a_transformer_is_built_for_the_size_of_the_images():
    TimmModel(architecture="vit_tiny_patch16_224", image_size=64).check(device="cpu")


@needs_timm
def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ModelError, match="Did you mean 'resnet18'"):
        TimmModel(architecture="resnet19").check(device="cpu")
