"""What is written to disk agrees with itself, and does not depend on how many threads wrote it."""

import csv
import json

import numpy as np
import PIL.Image
import pytest

from arogya_bench.datasets.synthetic_export import export_population
from arogya_bench.datasets.synthetic_population import CLASSES, draw_population


def lesions():
    return draw_population(30, classes=3, separation=1.0, label_noise=0.1, rng=np.random.default_rng(1))


def exported(folder, *, workers=2, seed=5):
    folder.mkdir()
    export_population(folder, lesions(), size=32, seed=seed, card={"what": "a test"}, workers=workers)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("export") / "lesions")


def rows(folder):
    with (folder / "cases.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def boxes(folder):
    return json.loads((folder / "boxes.json").read_text())


def test_every_case_has_an_image_and_a_mask(folder):
    names = [f"{row['case_id']}.png" for row in rows(folder)]

    assert len(set(names)) == 30
    for kind in ("images", "masks"):
        assert sorted(path.name for path in (folder / kind).iterdir()) == sorted(names)


def test_images_are_rgb_and_masks_are_grey(folder):
    with (
        PIL.Image.open(folder / "images" / "case-00007.png") as image,
        PIL.Image.open(folder / "masks" / "case-00007.png") as mask,
    ):
        assert (image.mode, image.size) == ("RGB", (32, 32))
        assert (mask.mode, mask.size) == ("L", (32, 32))


def test_skin_is_redder_than_blue_so_the_channels_are_in_order(folder):
    with PIL.Image.open(folder / "images" / "case-00000.png") as image:
        red, _, blue = np.array(image).reshape(-1, 3).mean(axis=0)

    assert red > blue


def test_every_box_is_the_hull_of_its_mask(folder):
    for image, annotation in zip(boxes(folder)["images"], boxes(folder)["annotations"], strict=True):
        with PIL.Image.open(folder / "masks" / image["file_name"]) as mask:
            left, top, right, bottom = mask.getbbox()
            area = np.count_nonzero(np.array(mask))
        assert annotation["image_id"] == image["id"]
        assert annotation["bbox"] == [left, top, right - left, bottom - top]
        assert annotation["area"] == area


def test_the_category_of_a_box_is_the_class_of_its_case(folder):
    content = boxes(folder)
    names = {category["id"]: category["name"] for category in content["categories"]}

    found = [names[annotation["category_id"]] for annotation in content["annotations"]]

    assert found == [row["class"] for row in rows(folder)]


def test_views_of_one_lesion_share_its_class_its_patient_and_its_latents(folder):
    shared = {}
    for row in rows(folder):
        rest = {key: value for key, value in row.items() if key != "case_id"}
        assert shared.setdefault(row["lesion"], rest) == rest


def test_the_card_counts_the_classes(folder):
    card = json.loads((folder / "card.json").read_text())

    assert sum(card["class_counts"].values()) == 30
    assert set(card["class_counts"]) <= set(CLASSES[:3])
    assert card["what"] == "a test"


def test_one_thread_writes_the_same_files_as_four(tmp_path):
    first, second = exported(tmp_path / "a", workers=1), exported(tmp_path / "b", workers=4)

    for path in sorted(first.rglob("*.*")):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


def test_the_digest_follows_the_pixels(tmp_path):
    first, second = exported(tmp_path / "a", seed=1), exported(tmp_path / "b", seed=2)

    digests = [json.loads((place / "card.json").read_text())["digest"] for place in (first, second)]
    assert digests[0] != digests[1]
    assert all(len(digest) == 32 for digest in digests)
