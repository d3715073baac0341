"""Pictures: charts of an evaluation, contact sheets, boxes drawn on images."""
