"""Compiled loops over pixels of scenes: single-threaded, without the interpreter's lock.

Callers import this when they need it, since numba is slow to import.
"""
# mypy: disable-error-code="no-untyped-def"

import numpy as np
from numba import njit

ZERO, ONE = np.float32(0), np.float32(1)


@njit(cache=True, nogil=True, error_model="numpy")
def block_sums(first, second, low, span, out):
    """Sum clip((first - second - low) / span, 0, 1) over blocks of 16 x 16 pixels, with the bits of numpy.

    first: float32 (n, 256, 256), finite; second: the same, or (0, 256, 256) to subtract nothing; low, span: float32;
    out: float32 (n, 16, 16). numpy adds the rows of a block, then its 16 columns in eight sums.
    """
    line, eight = np.empty(256, np.float32), np.empty(8, np.float32)
    for frame in range(first.shape[0]):
        for block in range(16):
            line[:] = ZERO
            for row in range(16 * block, 16 * block + 16):
                values = first[frame, row]
                if second.shape[0]:
                    others = second[frame, row]
                    for column in range(256):
                        line[column] += min(max((values[column] - others[column] - low) / span, ZERO), ONE)
                else:
                    for column in range(256):
                        line[column] += min(max((values[column] - low) / span, ZERO), ONE)
            for column in range(16):
                for each in range(8):
                    eight[each] = line[16 * column + each] + line[16 * column + 8 + each]
                first_half = (eight[0] + eight[1]) + (eight[2] + eight[3])
                out[frame, block, column] = first_half + ((eight[4] + eight[5]) + (eight[6] + eight[7]))
