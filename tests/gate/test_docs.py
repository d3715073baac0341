"""The page on data explains every code in the words of the gate."""

from pathlib import Path

import pytest

from arogya_bench.gate.codes import CODES

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code):
    meaning = CODES[code]

    assert f"| {code} | {meaning.severity} | {meaning.title} | {meaning.fix} |" in PAGE


def test_no_other_code_is():
    assert PAGE.count("| AB") == len(CODES)
