"""The XML of a stranger is read without expanding, opening or guessing anything."""

import time

import pytest

from arogya_bench.datasets.voc_xml import read_annotation
from arogya_bench.errors import DatasetError

BOX = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>11</xmax><ymax>9.5</ymax></bndbox>"


@pytest.fixture
def read(tmp_path):
    def written(text, encoding="utf-8"):
        content = text if isinstance(text, bytes) else text.encode(encoding)
        (tmp_path / "a.xml").write_bytes(content)
        return read_annotation(tmp_path / "a.xml")

    return written


def test_names_sizes_and_edges_are_as_written(read):
    sheet = read(
        "<annotation><filename>a.jpg</filename><path>/home/x/a.jpg</path>"
        "<size><width>640</width><height>480</height><depth>3</depth></size>"
        f"<object><name>cell</name><difficult>1</difficult>{BOX}</object></annotation>"
    )

    assert sheet == ("a.jpg", 640, 480, (("cell", True, (2, 3, 11, 9.5)),), ())


def test_what_need_not_be_there_has_a_default(read):
    sheet = read(f"<annotation><object><name>cell</name>{BOX}</object></annotation>")

    assert sheet == ("", 0, 0, (("cell", False, (2, 3, 11, 9.5)),), ())


def test_the_parts_of_an_object_are_not_objects(read):
    part = f"<part><name>nucleus</name>{BOX}</part>"

    sheet = read(f"<annotation><object><name>cell</name>{BOX}{part}</object></annotation>")

    assert [name for name, *_ in sheet.objects] == ["cell"]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "laugh" * 10}">' for n in range(12))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "definition",
    [
        f"<!DOCTYPE annotation [{LAUGHS}]>",
        '<!DOCTYPE annotation [<!ENTITY l11 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE annotation SYSTEM "http://localhost:1/a.dtd">',
    ],
)
def test_a_document_type_definition_is_refused_before_it_is_read(read, definition, encoding):
    text = f"{definition}<annotation><filename>&l11;</filename></annotation>"
    start = time.perf_counter()

    with pytest.raises(DatasetError, match=r"a\.xml .* document type definition"):
        read(text, encoding)

    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<annotation>",
        "<annotation>&unknown;</annotation>",
        b"\xff\xfe\x00\x00",
        b'<?xml version="1.0" encoding="klingon"?><annotation/>',
        f"<annotation><object>{BOX}</object></annotation>",
        "<annotation><object><name>cell</name></object></annotation>",
        "<annotation><object><name>cell</name><polygon/></object></annotation>",
    ],
)
def test_what_cannot_be_understood_is_refused(read, text):
    with pytest.raises(DatasetError, match=r"a\.xml cannot be read") as refusal:
        read(text)

    assert "bndbox" in refusal.value.fix


@pytest.mark.parametrize(
    ("content", "problem", "fix"),
    [
        (f"<difficult>maybe</difficult>{BOX}", "<difficult> is 'maybe', not 0 or 1", "write 0 or 1 in <difficult>"),
        (f"<difficult>0.5</difficult>{BOX}", "<difficult> is '0.5', not 0 or 1", "write 0 or 1 in <difficult>"),
        (BOX.replace("11", "11,5"), "<xmax> is '11,5', not a number of pixels", "in <xmax>"),
        (BOX.replace("11", ""), "<xmax> is '', not a number of pixels", "in <xmax>"),
    ],
)
def test_a_value_that_cannot_be_understood_is_named_with_its_element(read, content, problem, fix):
    with pytest.raises(DatasetError) as refusal:
        read(f"<annotation><object><name>cell</name>{content}</object></annotation>")

    assert problem in refusal.value.problem
    assert fix in refusal.value.fix


def test_names_of_a_namespace_are_read_as_others(read):
    sheet = read(f'<annotation xmlns="urn:voc"><object><name>cell</name>{BOX}</object></annotation>')

    assert [name for name, _, _ in sheet.objects] == ["cell"]


def test_a_size_that_is_no_number_is_named(read):
    with pytest.raises(DatasetError, match="<width> is 'wide', not the number of pixels"):
        read("<annotation><size><width>wide</width></size></annotation>")


@pytest.mark.parametrize(
    ("text", "difficult", "unstated"),
    [
        ("Unspecified", False, ("Unspecified",)),
        ("-1", False, ("-1",)),
        ("False", False, ()),
        ("0.0", False, ()),
        ("", False, ()),
        ("True", True, ()),
        ("1.0", True, ()),
        ("2", True, ()),
    ],
)
def test_a_flag_may_be_a_word_or_a_float(read, text, difficult, unstated):
    sheet = read(f"<annotation><object><name>cell</name><difficult>{text}</difficult>{BOX}</object></annotation>")

    assert (sheet.objects[0][1], sheet.unstated) == (difficult, unstated)
