"""The page on models names tests for what it promises, and they exist."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "models.md"


def test_every_test_that_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    found = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert len(named) > 20
    assert named <= found


def test_every_field_of_the_row_is_on_the_page():
    fields = yaml.safe_load((ROOT / "conf" / "model" / "pyfunc.yaml").read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")

    missing = [name for name in fields if not name.startswith("_") and not re.search(rf"\b{name}\b", page)]

    assert missing == []
