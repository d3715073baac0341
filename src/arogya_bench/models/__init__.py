"""Model adapters; a config in ``conf/model`` names one by ``_target_``."""
