"""Prices and costs, on numbers.

Entry point: ``cost``.
"""
