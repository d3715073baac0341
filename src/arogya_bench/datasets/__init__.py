"""Sources of cases, one module per format, and how cases are divided into splits."""
