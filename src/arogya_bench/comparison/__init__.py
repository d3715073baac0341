"""Runs read back from MLflow and compared."""
