"""The reserved names are those of the tables that scoring writes, and every one has a free substitute."""

from arogya_bench.datasets import reserved_columns
from arogya_bench.datasets.reserved_columns import free_names, reserved_for_classes
from arogya_bench.scoring import box_table, label_table
from arogya_bench.types import ANSWER_COLUMNS


def test_every_column_of_the_tables_is_reserved():
    assert {*label_table.FIXED_COLUMNS, *ANSWER_COLUMNS, "p_a"} <= {*reserved_for_classes(["a"])}
    assert {*box_table.FIXED_COLUMNS} <= {*reserved_columns.BOX_COLUMNS}


def test_a_free_name_is_that_of_no_other_column():
    assert free_names(["target", "source_target", "site"], ["target"]) == {"target": "source_source_target"}
