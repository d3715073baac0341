"""Hydra and the schemas: from a command line to typed jobs.

Entry points: ``compose.compose_sweep``, ``compose.compose_jobs`` and ``schema``.
"""
