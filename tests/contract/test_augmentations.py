"""What holds for every file of conf/augmentation."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir
from sklearn.datasets import load_sample_image

from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions

FOLDER = Path(__file__).parents[2] / "conf" / "augmentation"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "all")
SIZES = [(28, 28), (640, 480), (61, 200)]


def load(name):
    entry = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return expand_conditions({name: AugmentationSpec(**entry)})


CONDITIONS = [condition for name in NAMES for condition in load(name)]
every_condition = pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)


@pytest.fixture(scope="module")
def photographs():
    china = np.array(load_sample_image("china.jpg"))
    return [cv2.resize(china, size, interpolation=cv2.INTER_AREA) for size in SIZES]


def distance(condition, images):
    return np.mean(
        [
            np.abs(condition.apply(image, f"case-{case}").astype(float) - image).mean()
            for image in images
            for case in range(5)
        ]
    )


@every_condition
def test_an_image_becomes_a_new_one_of_its_shape_and_type(condition, photographs):
    for image in photographs:
        before = image.copy()
        image.flags.writeable = False

        result = condition.apply(image, "case-1")

        assert (result.shape, result.dtype) == (image.shape, np.uint8)
        assert (image == before).all()
        assert not np.shares_memory(result, image)
        assert (condition.apply(image, "case-1") == result).all()


@pytest.mark.parametrize("name", ["gaussian_noise", "rotation", "brightness"])
def test_cases_get_draws_of_their_own(name, photographs):
    for condition in load(name):
        draws = {condition.apply(photographs[0], f"case-{case}").tobytes() for case in range(12)}

        assert len(draws) > 1


@every_condition
def test_grey_stays_grey(condition, photographs):
    for image in photographs:
        grey = np.repeat(image[:, :, 1:2], 3, axis=2)

        result = condition.apply(grey, "case-1")

        assert (result == result[:, :, :1]).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_distance_from_clean_grows_with_the_level(name, photographs):
    distances = [distance(condition, photographs) for condition in load(name)]

    assert distances == sorted(distances)
    assert (distances[0] == 0) == (name == "clean")


@pytest.mark.parametrize("name", NAMES)
def test_every_file_names_its_own_package(name):
    first, second, *_ = (FOLDER / f"{name}.yaml").read_text().splitlines()

    assert first == f"# @package augmentation.{name}"
    assert second.startswith("# ")


def test_all_selects_every_file(tmp_path):
    (tmp_path / "config.yaml").write_text("defaults:\n  - augmentation: all\n")
    (tmp_path / "augmentation").symlink_to(FOLDER)

    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        config = compose("config")

    assert sorted(config.augmentation) == NAMES
    expanded = expand_conditions(config.augmentation)
    assert expanded[0].name == "clean"
    assert len(expanded) == len(CONDITIONS)
