"""Figures: charts of an evaluation, contact sheets, and boxes drawn on images."""
