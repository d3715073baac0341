"""Fonts for letters that Matplotlib's own font lacks, found among those of this machine."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

OWN_FAMILY = "DejaVu Sans"  # comes with Matplotlib: Latin, Greek, Cyrillic, Arabic, Hebrew and more
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ADVICE = "install a font that has them, such as Noto Sans CJK, or copy its file to ~/.local/share/fonts"
FONT_SUFFIXES = (".ttf", ".otf", ".ttc")
UNDRAWN_CATEGORIES = ("Cc", "Cf", "Zs", "Zl", "Zp")  # spaces and control characters
SHOWN_LETTERS = 12  # in a message
# Sans-serif fonts of many scripts come first; slanted, bold and monospaced ones last.
PREFERRED = ("noto", "wqy", "droid", "unicode", "gothic", "yahei", "pingfang", "hiragino")
AVOIDED = ("bold", "black", "italic", "oblique", "light", "thin", "mono", "serif")


@dataclass(frozen=True, kw_only=True)
class FontChoice:
    """Fonts that draw some texts.

    Attributes:
        families: Names of font families, the first used first.
        missing: Letters that none of them has, sorted.
    """

    families: tuple[str, ...]
    missing: tuple[str, ...]

    def name_of_class(self, name: str, label: int) -> str:
        """The name of a class, with its number where the name cannot be read."""
        return f"class {label + 1}: {name}" if set(normalise(name)) & set(self.missing) else name


def choose_fonts(texts: Iterable[str]) -> FontChoice:
    """Choose as few fonts of this machine as possible beside Matplotlib's own; mostly it has every letter."""
    from matplotlib.font_manager import fontManager, ttfFontProperty

    own = _own_font()
    letters = {letter for text in texts for letter in normalise(text) if _is_drawn(letter)}
    lacking = {letter for letter in letters if not own.get_char_index(ord(letter))}
    families = [OWN_FAMILY]
    for path in _font_files() if lacking else ():
        font = _open(path)
        found = {letter for letter in lacking if font is not None and font.get_char_index(ord(letter))}
        if font is not None and found:
            if str(path) not in {entry.fname for entry in fontManager.ttflist}:
                fontManager.addfont(str(path))
            families.append(ttfFontProperty(font).name)
            lacking -= found
        if not lacking:
            break
    return FontChoice(families=tuple(families), missing=tuple(sorted(lacking)))


def describe_missing(letters: Iterable[str]) -> str:
    """Say which letters are shown as a replacement character, by their code points; empty without letters."""
    codes = [f"U+{ord(letter):04X}" for letter in letters]
    more = f" and {len(codes) - SHOWN_LETTERS} more" if len(codes) > SHOWN_LETTERS else ""
    shown = ", ".join(codes[:SHOWN_LETTERS])
    return f"{REPLACEMENT} stands for letters that no font of this machine has: {shown}{more}." if codes else ""


def normalise(text: str) -> str:
    """Compose accents with their letters: a font rarely has both forms."""
    return unicodedata.normalize("NFC", text)


def _own_font() -> "FT2Font":
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family=[OWN_FAMILY])))


def _is_drawn(letter: str) -> bool:
    return unicodedata.category(letter) not in UNDRAWN_CATEGORIES


def _font_files() -> Iterator[Path]:
    """The font files of the system and of the user, the most suitable first."""
    from matplotlib.font_manager import findSystemFonts

    user = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fonts"
    files = {Path(path) for path in findSystemFonts()} | set(user.rglob("*"))
    return iter(sorted((file for file in files if file.suffix.lower() in FONT_SUFFIXES), key=_suitability))


def _suitability(file: Path) -> tuple[bool, bool, str]:
    name = file.name.lower()
    return any(word in name for word in AVOIDED), not any(word in name for word in PREFERRED), str(file)


def _open(path: Path) -> "FT2Font | None":
    """Open a font with outlines; None for bitmaps, for damaged files, and for fonts that only draw placeholders."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(path))
    except (OSError, RuntimeError):
        return None
    return font if font.scalable and "resort" not in font.family_name.lower() else None
