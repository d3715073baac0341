"""Effects that test images may suffer in practice, and the conditions made of them."""
