"""Commands, one file per group. Each declares its options, calls one function and prints the result.

Stays outside: calculations, artefacts, tables of more than a few lines (cli.tables).
"""
