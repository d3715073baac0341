"""docs/tables.md lists and describes every table of a comparison."""

from pathlib import Path

import pytest

from arogya_bench.comparison.table_frames import TABLES

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_the_page_of_tables_describes_it(name):
    overview, _, descriptions = TEXT.partition("\n## ")

    assert f"`{name}`" in overview
    assert f"`{name}`" in descriptions
