import pytest
from matplotlib.text import Text

from arogya_bench.figures.page import Page


@pytest.fixture
def texts(monkeypatch):
    """Collects every text on the pages that a test draws, as (text, font size)."""
    collected = []
    render = Page.to_png

    def collect(page):
        collected.extend((text.get_text(), text.get_size()) for text in page.figure.findobj(Text))
        return render(page)

    monkeypatch.setattr(Page, "to_png", collect)
    return collected
