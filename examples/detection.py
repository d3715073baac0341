"""Two detectors by the COCO rules: boxes that they wrote as COCO results, against COCO annotations.

Run it in a folder of its own: it writes the files and MLflow's store there. With files of yours, delete `write_files`.
Detectors of ours are trained and evaluated with `arogya-bench run model=yolov8_det dataset=coco dataset.path=...`.
"""

import json
from pathlib import Path

import numpy as np

import arogya_bench
from arogya_bench.cli.main import main

DETECTORS = {"sharp": (2.0, 0.05), "blurred": (9.0, 0.4)}  # pixels that a box is off by; share of missed lesions


def write_files() -> None:
    """Invent images of 60 patients with one to three lesions each, and what two detectors find."""
    rng = np.random.default_rng(7)
    images, truth = [], []
    for number in range(120):
        name = f"image-{number:03}.png"
        images.append({"id": number, "file_name": name, "width": 256, "height": 256, "patient_id": number // 2})
        for _ in range(rng.integers(1, 4)):
            left, top, width, height = (*rng.integers(0, 180, 2), *rng.integers(30, 70, 2))
            box = [float(value) for value in (left, top, width, height)]
            truth.append({"id": len(truth), "image_id": number, "category_id": 1, "bbox": box})
            truth[-1] |= {"area": box[2] * box[3], "iscrowd": 0}
    categories = [{"id": 1, "name": "lesion"}]
    Path("truth.json").write_text(json.dumps({"images": images, "annotations": truth, "categories": categories}))
    for name, (noise, missed) in DETECTORS.items():
        found = [
            {
                "image_id": lesion["image_id"],
                "category_id": 1,
                "bbox": [max(1.0, value + rng.normal(0, noise)) for value in lesion["bbox"]],
                "score": float(rng.uniform(0.5, 1)),
            }
            for lesion in truth
            if rng.random() > missed
        ]
        Path(f"{name}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    write_files()
    for name in DETECTORS:
        words = ["import", f"{name}.json", "--annotations", "truth.json", "--model", name, "--dataset", "lesions"]
        if main([*words, "--experiment", "detection"]) != 0:
            raise SystemExit("The file was refused; the message above says why.")
    comparison = arogya_bench.compare("detection")
    print(comparison)
    print(comparison.leaderboard[["model", "mAP50_95", "mAP50_95.ci_low", "mAP50_95.ci_high"]].round(3))
