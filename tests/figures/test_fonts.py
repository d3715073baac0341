"""Letters beyond those of Matplotlib's font are drawn with another font, or named."""

import shutil

import pytest

from arogya_bench.figures.fonts import OWN_FAMILY, choose_fonts, describe_missing
from arogya_bench.figures.page import fit_text, page_style

UNKNOWN = "\U0001fbff\U0001fbfe"  # no font of any test machine has them


@pytest.fixture
def user_font(tmp_path, monkeypatch):
    """Install a font of the user that has one of the unknown letters."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    pen.lineTo((500, 700))
    pen.lineTo((900, 0))
    pen.closePath()
    triangle = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "letter"])
    font.setupCharacterMap({ord(UNKNOWN[0]): "letter"})
    font.setupGlyf({".notdef": triangle, "letter": triangle})
    font.setupHorizontalMetrics({".notdef": (1000, 0), "letter": (1000, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupOS2()
    font.setupNameTable({"familyName": "One Letter", "styleName": "Regular"})
    font.setupPost()
    (tmp_path / "fonts" / "deep").mkdir(parents=True)
    font.save(tmp_path / "fonts" / "deep" / "one.ttf")
    (tmp_path / "fonts" / "damaged.ttf").write_bytes(b"no font")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    yield
    shutil.rmtree(tmp_path / "fonts")  # Matplotlib remembers the list of files


@pytest.mark.parametrize(
    "text", ["plain", "naevus naïf", "Größe ≥ 5 µm", "złośliwy", "рак", "καρκίνος", "سليم", "nai\u0308f", "a\u200db\tc"]
)
def test_own_font_has_the_letters_of_many_languages(text):
    fonts = choose_fonts([text])

    assert (fonts.families, fonts.missing) == ((OWN_FAMILY,), ())


def test_letters_that_no_font_has_are_named_by_their_code_points(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    fonts = choose_fonts([f"a{UNKNOWN}", UNKNOWN])

    assert fonts.families == (OWN_FAMILY,)
    assert describe_missing(fonts.missing).endswith("no font of this machine has: U+1FBFE, U+1FBFF.")


def test_many_missing_letters_are_counted():
    assert describe_missing("abcdefghijklmn").endswith("U+006B, U+006C and 2 more.")
    assert describe_missing("") == ""


@pytest.mark.usefixtures("user_font")
def test_font_of_the_user_draws_what_the_others_lack():
    with page_style([UNKNOWN]) as fonts:
        text = fit_text(UNKNOWN, size=12, width=100, max_lines=1)

    assert fonts.families == (OWN_FAMILY, "One Letter")
    assert fonts.missing == (UNKNOWN[1],)
    assert text == f"{UNKNOWN[0]}\N{REPLACEMENT CHARACTER}"
