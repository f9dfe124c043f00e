"""Faults injected for real: errors of the disk and kills at the write points of commands, hostile files."""
