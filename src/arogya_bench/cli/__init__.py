"""The commands of arogya-bench.

Entry point: ``main.main``; one module per command.
"""
