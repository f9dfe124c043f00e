"""Report: what a runs folder holds, as one HTML page; one module for each section.

In: a runs folder, scenes if they are at hand. Out: the page, a file. Stays outside: markup and charts (`webpage`), how
the figures come about (the rooms below).
"""

from pipeline.report.job import Written, write_report

__all__ = ["Written", "write_report"]
