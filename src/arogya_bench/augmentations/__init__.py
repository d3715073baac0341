"""Augmentations of test images, and the conditions under which models are evaluated."""
