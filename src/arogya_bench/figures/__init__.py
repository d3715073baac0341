"""Pictures: charts of an evaluation, contact sheets, boxes drawn on images.

Entry points: ``evaluation``, ``contact_sheet`` and ``box_examples``.
"""
