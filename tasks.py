"""The menu: `inv --list` shows it."""

from pathlib import Path

from swarmops.tasks import menu

ns = menu(Path(__file__).parent)
