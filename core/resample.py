"""The compiled loop of the bootstrap. Only `core.bootstrap` calls it, and imports it when something is drawn."""
# mypy: disable-error-code="no-untyped-def"

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def resample(rows, draws, seed, sums):
    """Sums of rows drawn with replacement: row r of `sums` (replicates, c) adds up draws[r] of rows (m, c).

    xorshift64* and a multiply-shift in place of a modulo: as even as 2**32 allows, and the same everywhere.
    """
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0xD1B54A32D192ED03)
    size = np.uint64(rows.shape[0])
    columns = rows.shape[1]
    for r in range(sums.shape[0]):
        for _ in range(draws[r]):
            state ^= state >> np.uint64(12)
            state ^= state << np.uint64(25)
            state ^= state >> np.uint64(27)
            high = (state * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(32)
            row = np.int64((high * size) >> np.uint64(32))
            for c in range(columns):
                sums[r, c] += rows[row, c]
