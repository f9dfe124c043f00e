"""Command line: parse, call one function, print. One file per command group, loaded lazily.

Nothing imports this room, and nothing heavy is imported at the top of its modules: help answers at once. This file
imports nothing at all, for `__main__` sets the module path first.
"""
