"""This process and its machine: child processes, locks, memory, redaction, digests, console."""
