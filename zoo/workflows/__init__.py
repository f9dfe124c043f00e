"""Workflows: train, predict, label, tune and export, each one function from members, scenes and a store.

In: names or recipes of members, Scenes, a Store. Out: runs and prediction sets in the store, a file, and what describes
them. `zoo` exports the functions by name; their modules lie here, for a module `zoo.train` would hide the function.
Stays outside: the command line, how a run is trained (zoo.training).
"""
