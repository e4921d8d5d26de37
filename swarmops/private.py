"""Files that their owner alone may read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from swarmops.errors import SwarmopsError


def write(path: Path, content: bytes) -> None:
    """Writes a file of mode 0600 in one step: no crash leaves half of it. Raises SwarmopsError where that fails."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # its mode is 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        raise SwarmopsError(f"{path} cannot be written: {error.strerror}") from error
