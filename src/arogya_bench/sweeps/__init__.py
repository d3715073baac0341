"""Many jobs: plan, launchers, workers, and what happens when one of them fails.

Entry points: ``sweep.run_sweep`` and ``dry_run.dry_run``.
"""
