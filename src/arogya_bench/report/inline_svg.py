"""Charts as a part of a page, which sets their font and colours: a smaller text for the same picture."""

import re

# What only a chart in a file of its own needs.
UNUSED = re.compile(
    r" (?:aria-(?:roledescription|hidden)|class|pointer-events|xmlns(?::xlink)?|version|font-family|stroke-miterlimit)"
    r'="[^"]*"|(?<=") opacity="1"'
)
MARK_LABEL = re.compile(r' (?:aria-label|role)="[^"]*"')
FALLBACK = re.compile(r"(var\(--[\w-]+), [^)]*\)")  # of a colour that the page defines
HIDDEN = re.compile(r'<path d="(?:[^"]*h0v0h0Z)?"(?: display="none")?/>')
EMPTY_GROUP = re.compile(r"<g>(?:</g>|<g></g></g>)")
LONG_NUMBER = re.compile(r"(\d\.\d\d)\d+")
TAG = re.compile(r'<[a-zA-Z](?:[^<>"]|"[^"]*")*>')


def inline_svg(svg: str) -> str:
    """Shorten a chart that names its colours as variables and has one text alternative as a whole."""
    small = TAG.sub(lambda tag: _shorten(tag[0]), svg)
    for pattern in (HIDDEN, EMPTY_GROUP, EMPTY_GROUP):
        small = pattern.sub("", small)
    return small


def _shorten(tag: str) -> str:
    """A tag without what the page does not need, and with lengths in hundredths of a pixel; numbers of texts stay."""
    shorter = FALLBACK.sub(r"\1)", UNUSED.sub("", tag))
    return shorter if tag.startswith("<svg") else LONG_NUMBER.sub(r"\1", MARK_LABEL.sub("", shorter))
