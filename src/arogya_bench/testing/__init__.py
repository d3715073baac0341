"""Checks for authors of model adapters."""
