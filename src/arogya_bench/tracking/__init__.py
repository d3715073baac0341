"""All of MLflow: stores, runs, tags, artifacts, models, saved views, and the server.

Entry points: ``store``, ``runs``, ``tags``, ``artifacts`` and the types in ``items``.
"""
