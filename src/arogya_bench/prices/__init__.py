"""Prices and costs, on numbers.

Entry points: ``price_list``, ``machines``, ``cost``, ``spending``.
"""
