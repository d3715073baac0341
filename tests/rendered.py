"""Read back what a report renders: the data of charts, the text of a PDF."""

from io import BytesIO

from pypdf import PdfReader


def rows(chart, key):
    """Every row of data in a chart that has the column ``key``."""
    return [row for values in tables(chart.to_dict()) for row in values if key in row]


def tables(spec):
    if isinstance(spec, list):
        return [table for part in spec for table in tables(part)]
    if not isinstance(spec, dict):
        return []
    own = [spec["data"]["values"]] if "values" in spec.get("data", {}) else []
    own += list(spec.get("datasets", {}).values())
    return own + [table for name, part in spec.items() if name != "data" for table in tables(part)]


def notes(chart):
    return " ".join(chart.to_dict()["title"]["subtitle"])


def text_of(document):
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages)
