"""What authors of model adapters run on theirs.

Entry point: ``adapter.check_adapter``.
"""
