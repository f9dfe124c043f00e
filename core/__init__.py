"""What every room stands on: errors, atomic files, registries, counts and their Dice.

numpy is the only dependency. Nothing enters that a single room needs.
"""
