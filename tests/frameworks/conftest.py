"""Small data sets, and one thread for all."""

from model_fixtures import one_thread, stripes, subset_of

__all__ = ["one_thread", "stripes", "subset_of"]
