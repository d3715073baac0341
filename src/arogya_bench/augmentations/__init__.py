"""Augmentation functions and the conditions made of them.

Entry points: ``conditions`` and ``declaration.augmentation``.
"""
