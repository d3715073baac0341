"""Tables as CSV that a spreadsheet reads as data: no text of a study is run as a formula."""

from contextlib import suppress

import pandas as pd

# What a spreadsheet takes as the start of a formula, or skips before one: OWASP, "CSV Injection", 2026.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
TEXT_MARK = "'"  # makes a spreadsheet take a cell as text


def to_csv_text(table: pd.DataFrame) -> str:
    """The table as CSV without its index; texts and headers that look like formulas are marked as texts."""
    texts = [name for name in table if table[name].dtype == object or isinstance(table[name].dtype, pd.StringDtype)]
    defused = table.assign(**{str(name): table[name].map(defuse) for name in texts})
    return str(defused.rename(columns=defuse).to_csv(index=False))


def defuse(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would run; numbers, also as texts, stay as they are."""
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")  # the csv module does not quote a carriage return alone
    return TEXT_MARK + text if text.startswith(FORMULA_STARTS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    with suppress(ValueError):
        float(text)
        return True
    return False
