"""From predictions to numbers, one file per task.

Invalid arguments raise ValueError, results that do not exist for valid ones UndefinedMetric.
"""
