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
    "efficientnet_lite0": ("bac5374ddc996a8ca97c5885e9f4f596", "94cb55a574dbffedfd6c73328ee47fb2"),
    "efficientnet_lite0_frozen": ("443554fcacc8e6e50e1db1bb6061cdb4", "d8b478cec090586c034c01af3cd9c2d8"),
    "keras": ("8672efe05dd50f7884eac122b88c7b95", "dedb15003c5039d2adfbf9cfec427a3c"),
    "opencv": ("285004202a980923e76d4be21f87d7d7", "4f40153ef6c50277766d6c14396ad099"),
    "prior": ("2a9d0ae046920c9f60a44fd7e5c0e057", "79c78febb15a272b580b82b06e84e946"),
    "pytorch": ("949c05e195b6f4546017cd072975c9d4", "c3438175ce769ce8bee6b247fc431755"),
    "resnet50": ("235110e20cccfdb1d0029373aba456cf", "06747b7e8408c5bd870a3f2905bfb311"),
    "yolov8_cls": ("7ecee807953d7ae0306f0bdecd2c109e", "5f512bc92ebe0c52162d84ac5e8501e9"),
    "yolov8_det": ("a7dc342aadc0a231f00c1c2502c8d8a7", "4dfa9dcfb36557f4e785017928721c60"),
}
CELLS = {  # of `prior`, by condition
    "clean": "359caeff2946cfc7677f23a3525e0f97",
    "gaussian_noise_0.1": "79c78febb15a272b580b82b06e84e946",
    "gaussian_noise_0.2": "ddfab1ee464f0b82ab8b9e4b67dcd562",
    "gaussian_noise_0.3": "e6f950f42f2ba01bdbd8ac347384f9c1",
    "gaussian_blur_3": "4a03d603b3220e7848aa62f51fce556e",
    "gaussian_blur_5": "4e1715be5163579eb43daf2aafb96358",
    "gaussian_blur_7": "1ce50d67bf5566466c06e6351374fcf6",
    "rotation_15": "b725d2d8c75ebbb82e8a2af503de8ead",
    "rotation_30": "a9aae5efd459a1f5abf21484996b0c7e",
    "brightness_0.2": "7b1e1bc1748eb9d5522141d34d771300",
    "brightness_0.4": "490ad24f142a269cd57a0833dbd17460",
    "jpeg_compression_90": "b54a17f99169b6b3f938bd3c489102eb",
    "jpeg_compression_75": "1ee1458b167521c7991e1cf35b261633",
    "jpeg_compression_50": "c6b94c7fa63a7c15b48b3fa1ebe2fd22",
}


@pytest.mark.parametrize("name", sorted(KEYS))
def test_the_keys_of_a_row_are_those_of_earlier_versions(name):
    task = "detection" if name == "yolov8_det" else "classification"
    row = (f"model={name}", f"dataset.task={task}", "augmentation=gaussian_noise")
    (job,) = compose_jobs(RunRequest(overrides=(*STUDY, *row)))

    planned = prepare(job, check=False)

    assert (planned.fit_key, planned.cell_keys["gaussian_noise_0.1"]) == KEYS[name]


def test_the_keys_of_all_conditions_are_those_of_earlier_versions():
    (job,) = compose_jobs(RunRequest(overrides=(*STUDY, "model=prior", "augmentation=all")))

    assert prepare(job, check=False).cell_keys == CELLS
