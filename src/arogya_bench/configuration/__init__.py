"""Hydra and the schemas: from a command line to typed jobs."""
