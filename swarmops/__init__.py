"""An Ansible-style task runner for Docker Swarm."""

import sys

__version__ = "0.1.0"

# The Docker SDK imports paramiko, half of its import time, for its own ssh transport, and goes on without when it
# cannot. swarmops has another (lab/tunnel.py), so the SDK is told that its own is not there.
sys.modules["docker.transport.sshconn"] = None  # type: ignore[assignment]
