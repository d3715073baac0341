"""Render a comparison as HTML, PDF, figures or terminal output, from sections that all share."""
