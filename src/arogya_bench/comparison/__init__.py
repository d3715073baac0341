"""Read evaluations back from MLflow and compare models; enter through ``comparison.ComparisonTables``."""
