"""What this machine's apt knows: its mirror of Debian, its proxies, how strict it is about dates."""

from __future__ import annotations

import platform
import shlex
import urllib.request
from collections.abc import Iterable

from swarmops.commands import Command
from swarmops.connect import local
from swarmops.errors import CommandFailed

UNKNOWN = "$(ORIGIN)"
"""What apt prints for the origin of a source that it has downloaded nothing of yet."""

KEPT_SETTINGS = ("Acquire::Check-Valid-Until", "Acquire::Check-Date")
PROXIES = {"http_proxy": "Acquire::http::Proxy", "https_proxy": "Acquire::https::Proxy"}


def mirror() -> str:
    """The mirror of Debian that this machine uses; empty when it uses none."""
    listing = ("--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)", "Created-By: Packages")
    targets = _ask("apt-get", "indextargets", *listing) or _ask(
        "apt-get", "indextargets", "--no-release-info", *listing
    )
    return parse_mirror(targets.splitlines(), _is_debian())


def parse_mirror(targets: Iterable[str], debian: bool) -> str:
    """The first mirror of Debian's main archive among apt's index targets: address, suite, component, origin.

    Where apt does not know the origin yet, `debian` says whether this machine's own sources are Debian's.
    """
    for target in targets:
        address, suite, component, origin = (*target.split(), "", "", "", "")[:4]
        ours = debian if origin == UNKNOWN else origin == "Debian"
        if ours and component == "main" and not suite.endswith("-security") and address.startswith("http"):
            return address
    return ""


def proxies() -> dict[str, str]:
    """The proxies of this machine's apt over those of the environment, by the names of environment variables."""
    found = {f"{kind}_proxy": address for kind, address in urllib.request.getproxies_environment().items()}
    found |= {name: address for name, address in _settings(PROXIES).items() if address != "DIRECT"}
    return {name: found[name] for name in (*PROXIES, "no_proxy") if name in found}


def kept_settings() -> str:
    """The settings that another apt needs to use the same mirror, as lines of apt.conf."""
    names = {f"kept{number}": setting for number, setting in enumerate(KEPT_SETTINGS)}
    return "\n".join(f'{names[name]} "{value}";' for name, value in _settings(names).items())


def _settings(names: dict[str, str]) -> dict[str, str]:
    """The values of apt's settings that are set, by names of the caller."""
    answer = _ask("apt-config", "shell", *(word for pair in names.items() for word in pair))
    return dict(line.split("=", 1) for line in shlex.split(answer))


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def _ask(*argv: str) -> str:
    """What a command prints; nothing where it fails or is not there, for this machine need not have apt."""
    try:
        return local.run(Command(argv), timeout=30).stdout
    except CommandFailed:
        return ""
