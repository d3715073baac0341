"""The configuration files, shipped in the wheel as ``arogya_bench.conf``."""

import sys

if "hydra" in sys.modules:  # a program of its own composes these files: it needs the schema that their root names
    from arogya_bench.configuration.root import register_schema

    register_schema()
