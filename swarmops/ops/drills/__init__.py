"""Drills: a lab is broken on purpose under a load, watched, mended, and watched again."""
