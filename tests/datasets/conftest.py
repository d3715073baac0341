"""Small images, written as the test needs them."""

from picture_fixture import picture

__all__ = ["picture"]
