"""Data checks that run before any evaluation and report problems under stable codes."""
