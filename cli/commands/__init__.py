"""The commands: one file a group. Each declares its options, calls one function of a room and prints the result.

Stays outside: calculations, artefacts, tables of more than a few lines (cli.tables).
"""
