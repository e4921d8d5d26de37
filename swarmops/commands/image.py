"""docker image …"""

from __future__ import annotations

from swarmops.commands import Command, docker


def remove(*images: str) -> Command:
    """Removes images by their ids, whatever names they have."""
    return docker("image", "rm", "--force", *images)
