"""Runs read back from MLflow and compared.

Entry point: ``comparison.ComparisonTables``.
"""
