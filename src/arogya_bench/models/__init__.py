"""Systems under test, one file each; a YAML in ``conf/model`` names one by ``_target_``."""
