"""The configuration files, shipped in the wheel as ``arogya_bench.conf``."""
