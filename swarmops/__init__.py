"""An Ansible-style task runner for Docker Swarm."""

__version__ = "0.1.0"
