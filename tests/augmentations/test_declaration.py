import pytest

from arogya_bench.augmentations.declaration import augmentation, augmentation_identity


@pytest.mark.parametrize("declared", [True, False])
def test_an_augmentation_that_moves_to_another_module_keeps_its_identity(declared):
    def fog(image, rng):
        return image

    function = augmentation(version=3)(fog) if declared else fog
    before = augmentation_identity(function)

    function.__module__ = "elsewhere.weather"

    assert augmentation_identity(function) == before
    assert before == {"augmentation": "fog", "augmentation_version": 3 if declared else 1}
