import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text


@pytest.fixture
def texts(monkeypatch):
    """Collects every text on the pages that a test draws, as (text, font size)."""
    collected = []
    save = Figure.savefig

    def collect(figure, *arguments, **options):
        collected.extend((text.get_text(), text.get_size()) for text in figure.findobj(Text))
        return save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", collect)
    return collected
