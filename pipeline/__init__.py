"""Pipeline: the workflows that join the rooms, one module each.

In: a runs folder, scenes, an ensemble. Out: what the rooms give, and values that say what was done. Stays outside:
options, configuration files, printing. torch is loaded only when something is predicted.
"""
