import json
import os
import subprocess
import sys

import pytest

HEAVY = ("mlflow", "torch", "tensorflow", "pandas", "cv2", "sklearn", "scipy", "hydra", "matplotlib")
PROBE = """
import json, sys
from arogya_bench.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.stderr.write(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""


def imported(*arguments):
    """Names of the packages that a command imports, in a separate process."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return set(json.loads(ended.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [("--help",), ("run", "--help"), ("compare", "--help"), ("import", "--help"), ("doctor", "--help")]
)
def test_help_imports_nothing_heavy(arguments):
    assert imported(*arguments) & set(HEAVY) == set()


def test_printing_a_config_imports_no_framework():
    assert imported("run", "model=prior", "--cfg", "job") & {"mlflow", "torch", "tensorflow"} == (set())


def test_an_error_of_use_imports_nothing_heavy():
    assert imported("run", "--bogus") & set(HEAVY) == set()


@pytest.mark.parametrize("words", [("run", "modle=opencv"), ("measure", "-m", "model=opncv,prior")])
def test_a_misspelt_override_is_refused_before_anything_slow_is_imported(words):
    assert imported(*words) & (set(HEAVY) - {"hydra"}) == set()


def test_the_package_itself_imports_nothing_heavy():
    ended = subprocess.run(
        [sys.executable, "-c", "import arogya_bench, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(ended.stdout.split()) & set(HEAVY) == set()


def test_the_public_functions_are_found_when_asked_for():
    import arogya_bench

    assert callable(arogya_bench.evaluate)
    assert callable(arogya_bench.compare)
    assert callable(arogya_bench.load_predictions)


def test_a_name_that_is_not_public_is_no_attribute():
    import arogya_bench

    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        _ = arogya_bench.evalute


def test_a_worker_imports_nothing_that_its_jobs_need():
    ended = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys, arogya_bench.sweeps.worker, arogya_bench.configuration.loader; "
            "import arogya_bench.configuration.root; "
            "print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(ended.stdout.split()) & (set(HEAVY) - {"hydra"}) == set()


def test_what_workers_prepare_for_their_jobs_can_be_prepared():
    ended = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; from arogya_bench.sweeps.preload import preload; "
            "from arogya_bench.runtime.environment import environment_json; preload(); "
            "assert environment_json.cache_info().hits; print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert set(ended.stdout.split()) & {"torch", "tensorflow"} == set()
    assert "arogya_bench.evaluation.evaluation" in ended.stdout.split()
