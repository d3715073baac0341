"""Every reference case of segmentation, through the public functions."""

import json
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.metrics.segmentation import score
from arogya_bench.metrics.segmentation_cases import score_cases

ORACLES = Path(__file__).resolve().parents[2].parent / "shared" / "oracles"
FILE = ORACLES / "cases" / "segmentation.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"no reference cases in {ORACLES}")

OURS = {"hd95_max": "hd95", "nsd_deepmind": "surface_dice", "nsd": "surface_dice"}
ANOTHER_CONVENTION = {"hd95_pooled", "assd_pooled", "nsd_voxel", "hd95_deepmind", "hd_deepmind"}
COUNTS = {"tp", "fp", "fn", "tn"}
CHOSEN = {  # the case leaves it to us, and conventions.md chooses
    ("segmentation.empty.both_empty", "dice"): 1.0,
    ("segmentation.empty.both_empty", "hd95"): 0.0,
    ("segmentation.empty.pred_empty", "hd95"): float(np.hypot(64, 64)),
}
CASES = {case["id"]: case for case in json.loads(FILE.read_text())} if FILE.exists() else {}
EXPECTED = [
    pytest.param(case_id, name, id=f"{case_id}-{name}")
    for case_id, case in CASES.items()
    for name in case["expected"]
    if name not in ANOTHER_CONVENTION | COUNTS
]


def painted(shape, pixels):
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(np.transpose(pixels))] = True
    return mask


def pairs(inputs):
    if "shape" in inputs:
        return [[painted(inputs["shape"], inputs[name]) for name in ("gt", "pred")]]
    stored = np.load(ORACLES / inputs["npz"])
    names = inputs.get("pairs") or [[inputs["gt"], inputs["pred"]]]
    return [[stored[name] > 0 for name in pair] for pair in names]


def answer(case):
    found = pairs(case["inputs"])
    setting = case.get("params", {})
    how = {"spacing": setting.get("spacing", [1.0] * found[0][0].ndim), "tolerance": setting.get("nsd_tolerance", 1.0)}
    many = score_cases([truth for truth, _ in found], [mask for _, mask in found], **how)
    return score(*found[0], **how) | {"dice_mean_of_cases": many.values["dice"]}


@pytest.mark.parametrize(("case_id", "name"), EXPECTED)
def test_reference_value_is_met(case_id, name):
    case = CASES[case_id]

    found = answer(case)[OURS.get(name, name)]

    expected = CHOSEN.get((case_id, name), case["expected"][name])
    assert found == pytest.approx(expected, abs=case["tol"]["abs"], rel=0)
