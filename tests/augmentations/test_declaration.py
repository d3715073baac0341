import pytest

from arogya_bench.augmentations.declaration import augmentation, augmentation_identity, severity_scale
from arogya_bench.augmentations.geometric import rotation
from arogya_bench.augmentations.photometric import brightness, gaussian_blur, gaussian_noise, jpeg_compression


@pytest.mark.parametrize("declared", [True, False])
def test_an_augmentation_that_moves_to_another_module_keeps_its_identity(declared):
    def fog(image, rng):
        return image

    function = augmentation(version=3)(fog) if declared else fog
    before = augmentation_identity(function)

    function.__module__ = "elsewhere.weather"

    assert augmentation_identity(function) == before
    assert before == {"augmentation": "fog", "augmentation_version": 3 if declared else 1}


@pytest.mark.parametrize("function", [gaussian_noise, gaussian_blur, brightness, jpeg_compression, rotation])
def test_every_augmentation_with_severities_says_what_they_are(function):
    assert severity_scale(function)


def test_the_scale_is_no_part_of_the_identity():
    def fog(image, rng):
        return image

    before = augmentation_identity(fog)

    assert augmentation_identity(augmentation(version=1, scale="haze (share of white)")(fog)) == before
