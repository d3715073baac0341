"""Files to pixels: decoding, DICOM, NIfTI, masks, and the cache of decoded images.

Entry points: ``decoding``, ``files``, ``masks`` and ``decoded_cache``.
"""
