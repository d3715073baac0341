"""Predictions and what their task makes of them: metrics, intervals, tables, labels of boxes.

Entry points: ``tasks.TASKS`` and ``scores.compute_scores``.
"""
