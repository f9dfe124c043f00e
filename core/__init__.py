"""Foundations of all rooms: errors, commands as data, listeners, atomic files, registries, counts and their Dice.

numpy, and numba for the one compiled loop, are the only dependencies. Nothing enters that a single room needs.
"""
