"""De-identified copies of image data: cleaned, named by keyed ids, divided, and recorded."""
