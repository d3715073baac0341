"""Two models on a folder of images of your own: a folder for each class, with the patient in the name of each file.

Run it in a folder of its own: it writes clinic/ and MLflow's store there. With images of yours, point FOLDER at them
and delete `draw_images`.
"""

import shutil
from pathlib import Path

import arogya_bench
from arogya_bench.datasets.synthetic import Synthetic

FOLDER = Path("clinic")


def draw_images(folder: Path) -> None:
    """Stand in for your images with synthetic lesions of some 150 patients."""
    source = Synthetic(cases=300, classes=3, image_size=64, separation=3)
    lesions = source.load()
    for case in lesions.cases:
        target = folder / lesions.classes[case.target or 0] / f"{case.group_id}-{case.case_id}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.folder() / "images" / f"{case.case_id}.png", target)


if __name__ == "__main__":
    draw_images(FOLDER)
    sweep = arogya_bench.run(
        model=["prior", "opencv"],
        dataset=FOLDER,
        experiment="own_folder",
        overrides={
            "dataset.licence": "ours",
            "dataset.group": "(patient-[0-9]+)",  # what names the patient in the name of a file
            "split.train": 0.4,
            "split.validation": 0.1,
            "split.test": 0.5,  # a verdict takes 30 test patients at least
            "image_size": 64,
        },
    )
    comparison = sweep.compare()
    comparison.to_html("own_folder.html")
    print(comparison)
    print(comparison.leaderboard[["model", "f1_macro", "f1_macro.ci_low", "f1_macro.ci_high"]].round(3))
