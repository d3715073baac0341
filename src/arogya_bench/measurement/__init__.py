"""Measures time, memory, energy and size of fitted models, alone on the machine."""
