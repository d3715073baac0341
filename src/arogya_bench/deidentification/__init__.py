"""What changes the bytes of images: metadata removed, text detected, pseudonyms.

Entry points: ``images.clean``, ``dicom.clean``, ``nifti.clean``, ``masks`` and ``pseudonyms``.
"""
