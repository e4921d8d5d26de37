"""The base of the images that need no hub: a Debian made by debootstrap and imported into the engine."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from docker.api.client import APIClient

from swarmops.commands import Command
from swarmops.connect import KEPT_LINES, local
from swarmops.errors import SwarmopsError
from swarmops.lab import apt
from swarmops.lab.engine import told
from swarmops.report import Progress

REPOSITORY = "swarmops/debian"
CONTENT_LABEL = "swarmops.content"
SECONDS = 900

# Arguments: an empty directory, the tar to write, the suite, settings for apt, the mirror or nothing.
# The mount belongs to this process alone: it is in memory, and gone with the process however that ends.
# The package lists stay, so that an image on this base only asks whether they are still the newest.
SCRIPT = r"""
root=$1 tar=$2 suite=$3 settings=$4 mirror=$5
case $mirror in https:*) include=--include=ca-certificates ;; *) include= ;; esac
mount -t tmpfs -o mode=755 swarmops "$root"
debootstrap --variant=minbase $include "$suite" "$root" $mirror
cd "$root"
printf '%s\n' '#!/bin/sh' 'exit 101' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
printf '%s\n' "$settings" 'APT::Install-Recommends "false";' 'Acquire::Languages "none";' \
    'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' >etc/apt/apt.conf.d/swarmops
printf '%s\n' force-unsafe-io 'path-exclude /usr/share/man/*' 'path-exclude /usr/share/info/*' \
    'path-exclude /usr/share/locale/*' 'path-exclude /usr/share/doc/*' 'path-include /usr/share/doc/*/copyright' \
    >etc/dpkg/dpkg.cfg.d/swarmops
find usr/share/doc -type f ! -name copyright -delete
rm -rf usr/share/man/* usr/share/info/* usr/share/locale/* var/log/* var/cache/apt/archives/*.deb
tar --numeric-owner -cf "$tar" .
"""

PHASES = {
    "Retrieving": "downloading packages",
    "Validating": "downloading packages",
    "Extracting": "unpacking the required packages",
    "Installing": "installing the required packages",
    "Unpacking": "installing packages",
    "Configuring": "configuring packages",
}


def tag(suite: str) -> str:
    """The name of the base."""
    return f"{REPOSITORY}:{suite}"


def content(suite: str) -> str:
    """What the base is made of, in 12 hexadecimal digits; the packages' versions of a day are no part of it."""
    return hashlib.sha256(f"{suite}\n{SCRIPT}".encode()).hexdigest()[:12]


def make(suite: str, client: APIClient, progress: Progress) -> None:
    """Makes the base: some 25 s, and 500 MB of memory for that time.

    Raises SwarmopsError when debootstrap is missing, when this is not root, and with its last lines when it fails.
    """
    _check()
    with tempfile.TemporaryDirectory(prefix="swarmops-") as directory:
        tar = Path(directory) / "base.tar"
        _debootstrap(Path(directory), tar, suite, progress)
        progress.waiting(f"image {tag(suite)}: importing it into the engine")
        _import(tar, suite, client)
    progress.done(f"image {tag(suite)} made by debootstrap")


def phase(line: str) -> str:
    """What debootstrap is doing, from a line of it; empty when the line does not say."""
    level, _, text = line.partition(": ")
    return PHASES.get(text.split(" ", 1)[0], "") if level == "I" else ""


def _check() -> None:
    if not shutil.which("debootstrap"):
        raise SwarmopsError(
            "the images are built from Debian packages, and debootstrap is not there",
            remedy="sudo apt-get install debootstrap",
        )
    if os.geteuid() != 0:
        words = [Path(sys.argv[0]).name, *sys.argv[1:]]
        if stated := os.environ.get("SWARMOPS_INVENTORY"):  # sudo gives its own environment
            words.insert(0, f"SWARMOPS_INVENTORY={stated}")
        raise SwarmopsError(
            "the images are built from Debian packages, and debootstrap must be root, this one time",
            remedy=f"sudo {shlex.join(words)}",
        )


def _debootstrap(directory: Path, tar: Path, suite: str, progress: Progress) -> None:
    root = directory / "root"
    root.mkdir()
    arguments = (str(root), str(tar), suite, apt.kept_settings(), apt.mirror())
    result = local.run(
        Command(("unshare", "--mount", "sh", "-ec", SCRIPT, "sh", *arguments)),
        timeout=SECONDS,
        check=False,
        env={**os.environ, **apt.proxies()},
        on_line=_shown(suite, progress),
    )
    if result.code:
        said = (result.stdout + result.stderr).splitlines()[-KEPT_LINES:]
        raise SwarmopsError(f"debootstrap {suite} exited {result.code}:\n    " + "\n    ".join(said))


def _shown(suite: str, progress: Progress) -> Callable[[str], None]:
    def show(line: str) -> None:
        if now := phase(line):
            progress.waiting(f"image {tag(suite)}: {now}")

    return show


def _import(tar: Path, suite: str, client: APIClient) -> None:
    changes = [f"LABEL {CONTENT_LABEL}={content(suite)}", 'CMD ["/bin/sh"]']
    with told(f"import of {tag(suite)}"):
        client.import_image_from_file(str(tar), repository=REPOSITORY, tag=suite, changes=changes)
