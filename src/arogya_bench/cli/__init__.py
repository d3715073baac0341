"""The commands of arogya-bench."""
