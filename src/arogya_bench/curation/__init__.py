"""Creates de-identified copies of image folders, with pseudonyms, a split and a card."""
