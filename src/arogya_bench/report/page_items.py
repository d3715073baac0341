"""The texts and attributes of a page in their order, each with the place where it stands."""

import re
from html.parser import HTMLParser
from typing import NamedTuple

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
CELLS = ("td", "th")
SPACES = re.compile(r"\s+")
SERVER = re.compile(r"https?://[^\s\"'<>#]*?/?(?=#/(?:experiments|runs)/)")  # of `mlflow ui`: where the page is read


class Item(NamedTuple):
    """A text or an attribute of a page.

    Attributes:
        section: The heading above it.
        row: The header of its row, or else its first cell, if it stands in a table.
        column: The header of its column; or its tag and attribute.
        value: Without the address of a server, and with single spaces.
        in_chart: Whether it is a part of a chart.
        is_text: Whether a reader sees it.
    """

    section: str
    row: str
    column: str
    value: str
    in_chart: bool
    is_text: bool


def without_servers(page: str) -> str:
    """A page with single spaces and without the addresses of servers: all that can be printed otherwise."""
    return SERVER.sub("", SPACES.sub(" ", page)).strip()


def read_items(page: str) -> list[Item]:
    """Read a page."""
    reader = _PageReader()
    reader.feed(page)
    reader.close()
    return reader.items


class _PageReader(HTMLParser):
    """Collects the items of a page, with the headings and headers that it passes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.items: list[Item] = []
        self._section = self._row = ""
        self._open: list[str] = []
        self._headers: list[str] = []
        self._in_head = False
        self._cell = -1
        self._charts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._enter(tag)
        self._add(f"<{tag}>", " ".join(name for name, _ in attrs), is_text=False)
        for name, value in attrs:
            self._add(f"<{tag} {name}>", value or "", is_text=name in ("aria-label", "alt", "title"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self._charts -= tag == "svg"
        self._in_head = self._in_head and tag != "thead"
        self._open = [name for name in self._open if name != tag]
        self._add(f"</{tag}>", "", is_text=False)

    def handle_data(self, data: str) -> None:
        value = SPACES.sub(" ", data).strip()
        if not value:
            return
        if self._is_in(HEADINGS):
            self._section = f"{self._section} {value}".strip()
        if self._is_in(CELLS):
            self._note_cell(value)
        tag = next((name for name in ("script", "style") if name in self._open), "")
        self._add(f"<{tag}>" if tag else self._column(), value, is_text=not tag)

    def handle_comment(self, data: str) -> None:
        self._add("<!---->", data, is_text=False)

    def handle_decl(self, decl: str) -> None:
        self._add("<!>", decl, is_text=False)

    def _enter(self, tag: str) -> None:
        self._charts += tag == "svg"
        if tag == "table":
            self._headers = []
        if tag == "thead":
            self._in_head = True
        if tag == "tr":
            self._cell, self._row = -1, ""
        if tag in CELLS:
            self._cell += 1
            self._headers += [""] if self._in_head else []
        if tag in HEADINGS:
            self._section = self._row = ""
        if tag in (*HEADINGS, *CELLS, "script", "style"):
            self._open.append(tag)

    def _note_cell(self, value: str) -> None:
        if self._in_head and self._headers:
            self._headers[-1] = f"{self._headers[-1]} {value}".strip()
        elif self._open[-1] == "th":
            self._row = value
        elif self._cell == 0:
            self._row = f"{self._row} {value}".strip()

    def _column(self) -> str:
        if self._charts:
            return "text of the chart"
        is_body = self._is_in(CELLS) and not self._in_head
        return self._headers[self._cell].removesuffix(" ?") if is_body and self._cell < len(self._headers) else ""

    def _is_in(self, tags: tuple[str, ...]) -> bool:
        return any(name in tags for name in self._open)

    def _add(self, column: str, value: str, *, is_text: bool) -> None:
        row = self._row if self._is_in(CELLS) else ""
        self.items.append(Item(self._section, row, column, without_servers(value), self._charts > 0, is_text))
