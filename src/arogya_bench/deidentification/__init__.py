"""What changes the bytes of images: metadata removed, text found, pseudonyms."""
