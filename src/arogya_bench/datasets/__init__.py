"""Sources of images, one reader per file, named by ``_target_`` in ``conf/dataset``; splits and downloads."""
