"""Files to pixels: decoding, DICOM, NIfTI, masks, and the cache of decoded images."""
