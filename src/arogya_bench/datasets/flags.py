"""Flags of annotations, such as ``difficult`` and ``iscrowd``, in the spellings of different programs."""

FLAG_WORDS = {"true": True, "yes": True, "y": True, "t": True, "false": False, "no": False, "n": False, "f": False}
UNSTATED_WORDS = ("", "unspecified", "unknown", "undefined", "none", "null", "nan", "n/a", "na", "-", "?", "-1")


def is_unstated(text: str) -> bool:
    """Whether a text states nothing, such as ``Unspecified``."""
    return text.strip().lower() in UNSTATED_WORDS


def parse_flag(value: object) -> bool:
    """Read a flag: 0 or another whole number, ``False``, ``no``; what states nothing is no flag.

    Raises:
        ValueError: If the value is neither a whole number nor one of the known words.
    """
    text = "" if value is None else str(value).strip().lower()
    if is_unstated(text):
        return False
    if text in FLAG_WORDS:
        return FLAG_WORDS[text]
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"{text} is not a whole number")
    return bool(number)
