"""What follows from the stored predictions of several rows on the same cases; MLflow is not needed.

Entry points: ``judgement.judge_rows`` and ``study.Study``; one module for each table.
"""
