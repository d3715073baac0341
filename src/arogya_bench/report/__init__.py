"""A comparison as terminal output, HTML page, PDF and figures.

Entry points: ``terminal``, ``page``, ``document`` and ``figures``; all render ``sections``.
"""
