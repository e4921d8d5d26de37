"""Overlay networks by hand."""
