"""Submissions: run-length encoding, submission files, their check and score, and the ledger of what was sent.

In: masks, ids, places, truth by id. Out: csv files, folders of other formats, bundles, reports, scores.
Stays outside: zoo and ensemble, and with them the origin of the masks. numba and pandas are loaded by what needs them.
"""

from submissions.coco import encode_coco
from submissions.gate import check, read_submission
from submissions.ledger import Ledger, read_ledger
from submissions.report import Fault, Report, Submission
from submissions.rle import decode, encode
from submissions.sample import find_sample
from submissions.scoring import Difference, Score, compare, score
from submissions.write import Written, write_submission

__all__ = [
    "Difference",
    "Fault",
    "Ledger",
    "Report",
    "Score",
    "Submission",
    "Written",
    "check",
    "compare",
    "decode",
    "encode",
    "encode_coco",
    "find_sample",
    "read_ledger",
    "read_submission",
    "score",
    "write_submission",
]
