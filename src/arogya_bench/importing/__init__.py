"""Predictions of any tool, made into evaluation runs.

Entry points: ``table_import.plan_table``, ``coco_import.plan_boxes``, ``runs.log_cells``.
"""
