"""Submissions: masks -> files, files -> verdicts and scores, and the ledger of what was sent.

In: masks, ids, places, truth as a function. Out: csv files, folders of other formats, bundles, reports, scores.
Stays outside: zoo and ensemble; how masks come about is none of its business.
"""

from submissions.gate import check_submission, read_submission
from submissions.report import Fault, Report, Submission
from submissions.rle import rle_decode, rle_encode, rle_encode_csr, rle_encode_pixels
from submissions.sample import find_sample
from submissions.score import Difference, Score, compare_submissions, score_read, score_submission
from submissions.write import Written, write_submission

__all__ = [
    "Difference",
    "Fault",
    "Report",
    "Score",
    "Submission",
    "Written",
    "check_submission",
    "compare_submissions",
    "find_sample",
    "read_submission",
    "rle_decode",
    "rle_encode",
    "rle_encode_csr",
    "rle_encode_pixels",
    "score_read",
    "score_submission",
    "write_submission",
]
