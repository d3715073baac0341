"""Keys of fits and cells stay what they are when code is moved or renamed.

A key that changes here makes every user compute their cells again. Change one on purpose only, with
a line in CHANGELOG.md.
"""

import pytest

from arogya_bench.configuration.compose import RunRequest, compose_jobs
from arogya_bench.evaluation.job import prepare

STUDY = (
    "dataset=synthetic",
    "dataset.cases=60",
    "dataset.classes=3",
    "dataset.image_size=32",
    "image_size=32",
    "statistics.resamples=2000",
)
KEYS = {  # of the fit, and of the cell gaussian_noise_0.1
    "cnn": ("949c05e195b6f4546017cd072975c9d4", "ba2da6ee1c5c447e90e7c9ef231f6277"),
    "keras": ("8672efe05dd50f7884eac122b88c7b95", "dedb15003c5039d2adfbf9cfec427a3c"),
    "opencv": ("285004202a980923e76d4be21f87d7d7", "4f40153ef6c50277766d6c14396ad099"),
    "prior": ("2a9d0ae046920c9f60a44fd7e5c0e057", "79c78febb15a272b580b82b06e84e946"),
    "pytorch": ("949c05e195b6f4546017cd072975c9d4", "c3438175ce769ce8bee6b247fc431755"),
    "resnet50": ("235110e20cccfdb1d0029373aba456cf", "06747b7e8408c5bd870a3f2905bfb311"),
    "yolov8_cls": ("7ecee807953d7ae0306f0bdecd2c109e", "5f512bc92ebe0c52162d84ac5e8501e9"),
    "yolov8_det": ("a7dc342aadc0a231f00c1c2502c8d8a7", "4dfa9dcfb36557f4e785017928721c60"),
}


@pytest.mark.parametrize("name", sorted(KEYS))
def test_the_keys_of_a_row_are_those_of_earlier_versions(name):
    task = "detection" if name == "yolov8_det" else "classification"
    row = (f"model={name}", f"dataset.task={task}", "augmentation=gaussian_noise")
    (job,) = compose_jobs(RunRequest(overrides=(*STUDY, *row)))

    planned = prepare(job, check=False)

    assert (planned.fit_key, planned.cell_keys["gaussian_noise_0.1"]) == KEYS[name]
