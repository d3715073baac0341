import csv
from dataclasses import replace
from io import StringIO

import pandas as pd
import pytest

from arogya_bench.comparison.table_frames import EMPTY_TABLES, TABLES, to_flat_table, to_table
from arogya_bench.runtime.csv_text import to_csv_text

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "\uff1d1+1", '=HYPERLINK("x")', "-a;=1"]
TEXTS = ["opencv", "a=b", "user@clinic", "'=1", "", " ", "12", "-0.5", "+3", "-1e-05"]


def read(text):
    """The cells as they stand in the file, without pandas' view of them."""
    return list(csv.reader(StringIO(text, newline="")))


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_text_that_is_a_formula_begins_with_an_apostrophe(formula):
    table = pd.DataFrame({"model": ["opencv", formula], formula: [1.0, 2.0]})

    header, _, row = read(to_csv_text(table))

    marked = "'" + formula.replace("\r", "\n")
    assert header == ["model", marked]
    assert row == [marked, "2.0"]


@pytest.mark.parametrize("text", TEXTS)
def test_other_texts_stay_as_they_are(text):
    table = pd.DataFrame({"model": [text, "other"]})

    assert read(to_csv_text(table))[1] == [text]


def test_a_carriage_return_within_a_text_starts_no_row():
    table = pd.DataFrame({"note": ["first\r=1+1\r\nlast"], "n": [1]})

    assert read(to_csv_text(table)) == [["note", "n"], ["first\n=1+1\nlast", "1"]]


def test_numbers_stay_numbers():
    table = pd.DataFrame({"difference": [-0.5, None], "n": pd.array([-1, None], dtype="Int64"), "note": ["-x", None]})

    assert read(to_csv_text(table))[1:] == [["-0.5", "-1", "'-x"], ["", "", ""]]


def test_the_items_of_a_list_have_spaces_between_them():
    table = pd.DataFrame({"seeds": [[1, 2], [3]], "names": [["=a", "b"], []]})

    assert read(to_csv_text(to_flat_table(table)))[1:] == [["1 2", "'=a b"], ["3", ""]]


def test_every_table_has_its_headers_without_rows(comparison, tmp_path):
    empty = replace(comparison, **{name: to_table(name, []) for name in TABLES})

    empty.to_csv(tmp_path)

    assert {path.stem: tuple(read(path.read_text())[0]) for path in tmp_path.iterdir()} == EMPTY_TABLES


def test_a_model_named_like_a_formula_is_harmless_in_every_file(comparison, tmp_path):
    name = '=HYPERLINK("http://evil.example","open")'
    renamed = {table: getattr(comparison, table).replace("opencv", name) for table in TABLES}

    replace(comparison, **renamed).to_csv(tmp_path)

    cells = [cell for path in tmp_path.iterdir() for row in read(path.read_text()) for cell in row]
    assert f"'{name}" in cells
    assert not [cell for cell in cells if cell.startswith("=")]
