"""Prices and costs, on numbers."""
