"""Every reference case of detection, through the public function."""

import json
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.metrics.detection import score

ORACLES = Path(__file__).resolve().parents[2].parent / "shared" / "oracles"
FILE = ORACLES / "cases" / "detection.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"no reference cases in {ORACLES}")

CASES = {case["id"]: case for case in json.loads(FILE.read_text())} if FILE.exists() else {}
EXPECTED = [
    pytest.param(case_id, name, id=f"{case_id}-{name}") for case_id, case in CASES.items() for name in case["expected"]
]


def sides(corners):
    """From left, top, right, bottom to left, top, width, height."""
    boxes = np.array(corners, dtype=np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def answer(case):
    images = case["inputs"]["images"]
    parts = [image[part] for image in images for part in ("gt", "det")]
    classes = sorted({label for part in parts for label in part["labels"]})

    def converted(part, **more):
        labels = [classes.index(label) for label in part["labels"]]
        return {"boxes": sides(part["boxes"]), "labels": labels, **more}

    return score(
        [converted(gt, crowd=gt.get("iscrowd", [0] * len(gt["boxes"]))) for gt in (image["gt"] for image in images)],
        [converted(image["det"], scores=image["det"]["scores"]) for image in images],
        classes=len(classes),
    )


@pytest.mark.parametrize(("case_id", "name"), EXPECTED)
def test_reference_value_is_met(case_id, name):
    case = CASES[case_id]

    found = answer(case)[name]

    expected = case["expected"][name]
    if expected == -1:
        assert found is None
    else:
        assert found == pytest.approx(expected, abs=case["tol"]["abs"], rel=0)
