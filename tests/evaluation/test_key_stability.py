"""Keys of fits and cells stay what they are when code is moved or renamed.

A key that changes here makes every user compute their cells again. Change one on purpose only, with
a line in CHANGELOG.md. That of `cnn` changed when it became a network of its own.
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
    "cnn": ("ef67f5610f5f85f87130b4f823980598", "61aacdb795e946b32c6d67968f294d5e"),
    "efficientnet_lite0": ("bac5374ddc996a8ca97c5885e9f4f596", "69bc0afa0324f5e47d2d14918bcc8414"),
    "efficientnet_lite0_frozen": ("443554fcacc8e6e50e1db1bb6061cdb4", "c008c1804c70da9597c0218b660a973b"),
    "gemini": ("d34501b24781b9371e157fdd78e1b5a1", "f6407aa7553b6bd747c97b0cc583e89d"),
    "keras": ("8672efe05dd50f7884eac122b88c7b95", "bd65706ead829d43f7d5cad914b4fcf1"),
    "openai_compatible": ("88b2d4363767fd695e135d2ceadcade8", "56fc4c9bf91a388634604d9db0ce8ed9"),
    "opencv": ("285004202a980923e76d4be21f87d7d7", "1d36ab7dc8ae498e1166441b3ca4caa5"),
    "opencv_soft": ("a04ffce87ee3a7741a0c8544000ec684", "85cc3f9279508216fa5275a04a9e0e20"),
    "prior": ("2a9d0ae046920c9f60a44fd7e5c0e057", "2a6602d3a6182ea0db39a3b9112be9e0"),
    "pytorch": ("949c05e195b6f4546017cd072975c9d4", "fbe7847fc9d6aeb549fa2ee015c102d0"),
    "resnet50": ("235110e20cccfdb1d0029373aba456cf", "7294e38a99ca0eb6a9258be844dc421a"),
    "timm_model": ("d44fbf278b298f1efa792a2366312b71", "22507c9d69b02821d21828df9783ccbe"),
    "torchvision_model": ("37841d2d2f8d47a67f28663e09c80739", "12e7c2a7110a8dbf7a22f383e24ba013"),
    "yolov8_cls": ("7ecee807953d7ae0306f0bdecd2c109e", "17232c818ac661e5b94153c9efa8486e"),
    "yolov8_det": ("a7dc342aadc0a231f00c1c2502c8d8a7", "4dfa9dcfb36557f4e785017928721c60"),
}
FIELDS = {"openai_compatible": ("model.id=llava", "model.base_url=http://127.0.0.1:8000")}  # that have no default
CELLS = {  # of `prior`, by condition
    "clean": "9b8cb9e6517b2b95b8bd453e763ea57b",
    "gaussian_noise_0.1": "2a6602d3a6182ea0db39a3b9112be9e0",
    "gaussian_noise_0.2": "e39e11f89069fb7a02bf208edeb48b54",
    "gaussian_noise_0.3": "137a268a10303035f3ece28671348a0e",
    "gaussian_blur_3": "24b8360f64de7028536393089878b765",
    "gaussian_blur_5": "2774a0c27cc0cbc3aacffb99d51add11",
    "gaussian_blur_7": "b91f69312ece4fc2929dd593afdaa544",
    "rotation_15": "1fb2adf127ace75313e20874343b1d6f",
    "rotation_30": "bdac0210e845de47a834dd8938d982bc",
    "brightness_0.2": "f0798dab87a4ae89eff1236438013694",
    "brightness_0.4": "aa191f906107f6ca791a30db23ea3ded",
    "jpeg_compression_90": "9fede21a4a145b56f2042cda41297842",
    "jpeg_compression_75": "d9652384d21739691200912a3ce34686",
    "jpeg_compression_50": "6dff47c338f765ccc31c228178e38f62",
}


@pytest.mark.parametrize("name", sorted(KEYS))
def test_the_keys_of_a_row_are_those_of_earlier_versions(name):
    task = "detection" if name == "yolov8_det" else "classification"
    row = (f"model={name}", f"dataset.task={task}", "augmentation=gaussian_noise")
    (job,) = compose_jobs(RunRequest(overrides=(*STUDY, *row, *FIELDS.get(name, ()))))

    planned = prepare(job, check=False)

    assert (planned.fit_key, planned.cell_keys["gaussian_noise_0.1"]) == KEYS[name]


def test_the_keys_of_all_conditions_are_those_of_earlier_versions():
    (job,) = compose_jobs(RunRequest(overrides=(*STUDY, "model=prior", "augmentation=all")))

    assert prepare(job, check=False).cell_keys == CELLS
