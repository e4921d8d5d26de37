"""The machine that a lab runs on: its engine, compose, the containers, the images that need no hub."""
