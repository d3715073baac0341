"""What is wrong with the data, in codes, before any number is computed.

Entry points: ``gate.inspect_dataset`` and the types in ``findings``.
"""
