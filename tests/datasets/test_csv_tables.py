"""A table is read as it is, or refused with the line that is wrong."""

import pytest

from arogya_bench.datasets.csv_tables import extract_metadata, is_unstated, names_nobody, read_table
from arogya_bench.errors import DatasetError


@pytest.fixture
def read(tmp_path):
    def table(content, required=("id",), key="id"):
        file = tmp_path / "table.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(file, required=required, key=key)

    return table


@pytest.mark.parametrize(
    "content",
    [
        "id,sex\na,f\nb,m\n",
        "id,sex\r\na,f\r\nb,m\r\n",
        "\ufeffid,sex\na,f\nb,m",
        '"id","sex"\n"a","f"\n"b","m"\n',
        "id\tsex\na\tf\nb\tm\n",
        "id;sex\na;f\nb;m\n",
        " id , sex \n a , f \n\n,\n b,m\n",
    ],
)
def test_every_way_to_write_a_table_reads_the_same(read, content):
    assert read(content) == [{"id": "a", "sex": "f"}, {"id": "b", "sex": "m"}]


def test_a_quoted_cell_may_hold_a_comma_and_a_line(read):
    assert read('id,note\na,"one, two\nthree"\n') == [{"id": "a", "note": "one, two\nthree"}]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "has no column 'id'; it has: none"),
        ("ID,sex\na,f\n", "has no column 'id'; it has: ID, sex"),
        ("ids,sex\na,f\n", r"has no column 'id'.* Did you mean 'ids'"),
        ("id,sex\n", "has no rows"),
        ("id,sex,sex\na,f,f\n", "two columns named 'sex'"),
        ("id,sex\na,f\nb\n", "Line 3 of table.csv has 1 cells; its header has 2"),
        ("id,sex\na,f,x\n", "Line 2 of table.csv has 3 cells; its header has 2"),
        ("id,sex\na,f\n,m\n", "Line 3 of table.csv has an empty cell in its column 'id'"),
        ("id,sex\na,f\nb,m\na,f\n", "names 'a' twice, in lines 2 and 4"),
        ('id,sex\n"a,f\n', "is not a valid CSV row"),
        (f"id,sex\n{'a' * 200_000},f\n", "Line 2 of table.csv is not a valid CSV row: field"),
        ("id,sex\na\0,f\n", "holds NUL bytes"),
        ("id,sex\na,f\n".encode("utf-16"), "cannot be read"),
        (b"id,sex\n\xe9,f\n", "cannot be read"),
    ],
)
def test_a_table_that_is_none_is_refused(read, content, problem):
    with pytest.raises(DatasetError, match=problem):
        read(content)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.csv is not in"):
        read_table(tmp_path / "gone.csv", required=("id",), key="id")


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        read_table(tmp_path, required=("id",), key="id")


def test_a_column_of_numbers_becomes_numbers():
    rows = [{"age": "80.0", "dose": "-1.5e-3"}, {"age": "5", "dose": "0"}]

    assert extract_metadata(rows, ["age", "dose"]) == [{"age": 80.0, "dose": -0.0015}, {"age": 5.0, "dose": 0.0}]


@pytest.mark.parametrize("empty", ["", "NaN", "NA", "null"])
def test_a_column_with_a_missing_number_is_text(empty):
    assert extract_metadata([{"age": "80.0"}, {"age": empty}], ["age"]) == [{"age": "80.0"}, {"age": "unknown"}]


@pytest.mark.parametrize("name", ["007", "1_000", "0x10", "inf", "1e999", "٣", "2024-01-31"])
def test_what_only_looks_like_a_number_is_text(name):
    assert extract_metadata([{"site": "1"}, {"site": name}], ["site"])[1] == {"site": name}


@pytest.mark.parametrize(
    "word",
    [
        *("#VALUE!", "#DIV/0!", "#REF!", "#NAME?", "N.A", "n.d.", "ND", "unk", "Not_Assessed", "nan.0", "-1.#QNAN"),
        *("???", "\u2014", "\u2013", "''", "[]", "(none)", "pending", "<unknown>", "..."),
    ],
)
def test_other_words_and_signs_state_nothing(word):
    assert is_unstated(word)
    assert names_nobody(word)


@pytest.mark.parametrize("word", ["no", "+", "++", "0", "-1", "x", "negative", "normal", "No DR", "NAD", "\u2713", "n"])
def test_other_words_are_labels(word):
    assert not is_unstated(word)


@pytest.mark.parametrize(
    "name", ["Anonymous Patient", "anon.", "unknown patient", "no id", "REDACTED", "***", "xxx", "Patient", "removed"]
)
def test_a_name_without_a_person_names_nobody(name):
    assert names_nobody(name)


@pytest.mark.parametrize("name", ["patient 1", "Patient A", "id-7", "0", "x1", "M\u00fcller"])
def test_other_names_are_patients(name):
    assert not names_nobody(name)


def test_only_the_columns_asked_for_are_taken():
    assert extract_metadata([{"id": "a", "sex": "f"}], ["sex"]) == [{"sex": "f"}]
    assert extract_metadata([{"id": "a"}], []) == [{}]
