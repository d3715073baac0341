"""De-identification of image files: removes metadata, detects burned-in text, pseudonymises ids."""
