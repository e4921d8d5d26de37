"""The ingress."""
