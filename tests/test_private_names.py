"""Private names of other libraries are used in listed places only, since any release may change them."""

import re
from pathlib import Path

import pytest

import arogya_bench

PACKAGE = Path(arogya_bench.__file__).parent
LIBRARIES = "deid|hydra|keras|mlflow|omegaconf|tensorflow|torch|ultralytics"
PRIVATE = re.compile(
    rf"\b(?:{LIBRARIES})\.(?:\w+\.)*_(?!_)\w+|from (?:{LIBRARIES})[\w.]* import .*\b_\w+"
    r"|tensorflow\.python[\w.]*|\b_internal\b|argparse\._\w+|\._(?:get_node|is_none|is_missing|is_interpolation)\b"
)
ALLOWED = {  # file, what it uses: why
    ("cli/arguments.py", "argparse._SubParsersAction"): "annotations have no other name for it",
    ("configuration/hydra_internals.py", "hydra._internal"): "the Compose API has no multirun",
    ("frameworks/keras_runtime.py", "tensorflow.python"): "no public function does what they do",
    (
        "tracking/model_registry.py",
        "from mlflow.tracking._tracking_service.utils import _use_tracking_uri",
    ): "no public function restores that no store was set",
}


def private_names(text):
    return set(PRIVATE.findall(text))


def test_private_names_are_used_where_listed_only():
    files = {str(file.relative_to(PACKAGE)): file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py")}
    used = {(file, name) for file, text in files.items() for name in private_names(text)}

    unlisted = {(file, name) for file, name in used if not any(is_under(file, name, place) for place in ALLOWED)}
    unused = [place for place in ALLOWED if not any(is_under(file, name, place) for file, name in used)]

    assert (unlisted, unused) == (set(), [])


def is_under(file, name, place):
    return file == place[0] and name.startswith(place[1])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from hydra._internal.x import y", {"hydra._internal"}),
        ("from torch.hub import _cache", {"from torch.hub import _cache"}),
        ("import tensorflow.python.eager", {"tensorflow.python.eager"}),
        ("node = config._get_node(key)", {"._get_node"}),
        ("torch.nn.Module; mlflow.__version__; self._build()", set()),
    ],
)
def test_private_names_are_recognised(text, found):
    assert private_names(text) == found
