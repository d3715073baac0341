"""From a folder of images as it came to one that can be shared.

Entry point: ``curate.curate``.
"""
