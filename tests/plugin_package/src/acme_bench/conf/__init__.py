"""The configs; the entry point in pyproject.toml names this package."""
