"""What the PyTorch, Keras and Ultralytics models share; for ``models`` only."""
