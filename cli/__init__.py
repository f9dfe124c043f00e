"""The command line: parse, call one function, print. One file a command group, loaded lazily.

Nothing imports this room, and nothing heavy is imported at the top of its modules: help answers at once.
"""

from cli.app import main

__all__ = ["main"]
