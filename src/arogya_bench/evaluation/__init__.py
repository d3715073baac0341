"""One job, from data to logged cells.

Entry points: ``evaluation.run_job`` and the types in ``job``. Read ``evaluation.py`` first.
"""
