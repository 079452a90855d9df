"""The command line. One module per command; each is imported only when it is asked for."""

from controlplane.cli.group import main

__all__ = ["main"]
