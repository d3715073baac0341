"""A comparison written down: on the screen, as one offline page, for print, as tables."""
