"""Model systems, one adapter per file, named by ``_target_`` in ``conf/model``."""
