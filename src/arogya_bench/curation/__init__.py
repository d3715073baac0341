"""From a raw folder of images to one that can be shared.

Entry point: ``curate.curate``.
"""
