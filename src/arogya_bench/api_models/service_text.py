"""Texts of a service, as files and databases take them."""


def clean_text(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can hold and no file takes, by question marks."""
    return text.encode("utf-8", "replace").decode()
