"""Checks before a deploy."""
