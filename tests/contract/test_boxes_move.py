"""Every condition of conf/augmentation moves boxes as it moves their contents."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from arogya_bench.augmentations.box_transforms import ImageSize
from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions
from arogya_bench.types import Box

FOLDER = Path(__file__).parents[2] / "conf" / "augmentation"
SPECS = {
    path.stem: AugmentationSpec(**yaml.safe_load(path.read_text()))
    for path in sorted(FOLDER.glob("*.yaml"))
    if path.stem != "all"
}
SIZE = ImageSize(width=160, height=120)
DISC = Box(left=50, top=38, width=24, height=24, label=1)
every_condition = pytest.mark.parametrize("condition", expand_conditions(SPECS), ids=lambda c: c.name)


@pytest.fixture(scope="module")
def image():
    grey = np.full((SIZE.height, SIZE.width), 60, dtype=np.uint8)
    cv2.circle(grey, (61, 49), 12, 190, -1)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


@every_condition
def test_a_disc_stays_in_its_box(condition, image):
    """An augmentation that moves structures and declares no box transform fails here."""
    for case in ("case-1", "case-2", "case-3", "case-4"):
        shown = cv2.medianBlur(condition.apply(image, case)[..., 0], 11)
        rows, columns = np.nonzero(shown > (int(shown.min()) + int(shown.max())) / 2)

        (box,) = condition.apply_boxes((DISC,), SIZE, case)
        assert condition.apply_boxes((DISC,), SIZE, case) == (box,)

        centre = box.left + box.width / 2, box.top + box.height / 2
        assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx(centre, abs=2)
        assert (box.width, box.height, box.label) == pytest.approx((24, 24, 1))
