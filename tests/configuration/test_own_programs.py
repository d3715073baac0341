import subprocess
import sys

PROGRAM = """\
import hydra
from hydra import compose, initialize_config_module

with initialize_config_module("arogya_bench.conf", version_base="1.3"):
    print(compose("config", ["model=prior"]).model._target_)


@hydra.main(config_path="pkg://arogya_bench.conf", config_name="config", version_base="1.3")
def main(config):
    print(config.model._target_, config.seed)


main()
"""


def test_a_hydra_program_of_ones_own_finds_our_configs_and_their_schema(tmp_path):
    (tmp_path / "own.py").write_text(PROGRAM, encoding="utf-8")

    ended = subprocess.run(
        [sys.executable, "own.py", "model=opencv", "seed=3"], cwd=tmp_path, capture_output=True, text=True
    )

    assert ended.stdout.splitlines() == [
        "arogya_bench.models.prior.Prior",
        "arogya_bench.models.opencv.OpenCVClassifier 3",
    ]
