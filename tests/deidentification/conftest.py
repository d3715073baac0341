"""Images with everything that identifies a patient."""

from curation_fixtures import classes_of_jpegs, exiftool, made, name, other_rgb, secret, srgb

__all__ = ["classes_of_jpegs", "exiftool", "made", "name", "other_rgb", "secret", "srgb"]
