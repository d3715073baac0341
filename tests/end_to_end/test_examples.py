"""Each example is one short file that runs in an empty folder without network, and prints its verdict."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
VERDICTS = {
    "own_folder": "opencv is better than prior on 60 patients",
    "own_mlflow_model": "thumbnails/1 is better than opencv and prior",
    "imported_csv": "large is the only model that is shown to meet every limit",
    "detection": "sharp is better than blurred on 60 patients",
    "three_seeds_with_limits": "opencv is the only model that is shown to meet every limit",
}
# A proxy that nobody listens at: what asks the network fails.
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


def test_each_example_has_its_verdict():
    assert {path.stem for path in EXAMPLES} == set(VERDICTS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_is_one_short_file(path):
    source = path.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= 60
    assert not [other.stem for other in EXAMPLES if f"import {other.stem}" in source or f"from {other.stem}" in source]


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_prints_its_verdict_in_an_empty_folder(path, tmp_path, monkeypatch):
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)

    done = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert VERDICTS[path.stem] in done.stdout
