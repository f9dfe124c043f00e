"""The compiled inner loops of run-length coding. Imported only when a mask is coded: numba costs a second.

In: bytes and indices whose form the caller vouches for. Out: the text of the cell, or a code.
Stays outside: messages; a refused text is explained by `submissions.cells`, slowly and in words.

A run starts or ends where a pixel differs from the one above it. In column-major numbering these places,
sorted, are the runs; a run that leaves a column at the bottom and goes on at the top of the next one shows as
an end that equals the next start, and is joined.
"""

import numpy as np
from numba import njit

SIDE = 256
PIXELS = SIDE * SIDE
# The longest pair is "65536 65536 " (as text; no such pair is valid).
PAIR = 12


@njit(cache=True, nogil=True)
def _put(out, at, number):  # type: ignore[no-untyped-def]
    """Write `number` and a space at `at`; returns where to go on."""
    digits = 1
    bound = 10
    while number >= bound:
        digits += 1
        bound *= 10
    for place in range(at + digits - 1, at - 1, -1):
        out[place] = 48 + number % 10
        number //= 10
    out[at + digits] = 32
    return at + digits + 1


@njit(cache=True, nogil=True)
def _differs(pixels, row, column):  # type: ignore[no-untyped-def]
    """Whether a pixel differs from the one above; above the first row nothing is set."""
    above = row > 0 and pixels[row - 1, column] != 0
    return (pixels[row, column] != 0) != above


@njit(cache=True, nogil=True)
def _changed_words(words, changed):  # type: ignore[no-untyped-def]
    """Numbers of the words (eight pixels) that differ from those above, into `changed`; how many.

    Most rows equal the one above, which eight pixels at a time, all 32 words together, shows soonest.
    """
    count = 0
    width = words.shape[1]
    above = np.zeros(width, np.uint64)
    for row in range(SIDE):
        differs = np.uint64(0)
        for word in range(width):
            differs |= words[row, word] ^ above[word]
        if differs:
            for word in range(width):
                if words[row, word] != above[word]:
                    changed[count] = row * width + word
                    count += 1
        above = words[row]
    return count


@njit(cache=True, nogil=True)
def encode_dense(pixels):  # type: ignore[no-untyped-def]
    """Mask (256, 256) uint8, C order, 0 or not -> ASCII text uint8; empty for an empty mask."""
    changed = np.empty(PIXELS // 8, np.int32)
    count = _changed_words(pixels.view(np.uint64), changed)
    where = np.zeros(SIDE + 1, np.int64)
    for i in range(count):
        row, column = changed[i] >> 5, (changed[i] & 31) << 3
        for step in range(column, column + 8):
            where[step + 1] += _differs(pixels, row, step)
    for column in range(SIDE):
        where[column + 1] += (pixels[SIDE - 1, column] != 0) + where[column]
    edges = np.empty(where[SIDE], np.int64)
    for i in range(count):
        row, column = changed[i] >> 5, (changed[i] & 31) << 3
        for step in range(column, column + 8):
            if _differs(pixels, row, step):
                edges[where[step]] = step * SIDE + row
                where[step] += 1
    for column in range(SIDE):
        if pixels[SIDE - 1, column] != 0:
            edges[where[column]] = (column + 1) * SIDE
    return _write_edges(edges)


@njit(cache=True, nogil=True)
def _write_edges(edges):  # type: ignore[no-untyped-def]
    """Sorted starts and ends in turn -> text, ends that equal the next start joined."""
    out = np.empty(len(edges) // 2 * PAIR + 1, np.uint8)
    at = 0
    i = 0
    while i < len(edges):
        start, end = edges[i], edges[i + 1]
        i += 2
        while i < len(edges) and edges[i] == end:
            end = edges[i + 1]
            i += 2
        at = _put(out, _put(out, at, start + 1), end - start)
    return out[: max(at - 1, 0)]


@njit(cache=True, nogil=True)
def encode_csr(pointer, pixels, kept):  # type: ignore[no-untyped-def]
    """All records at once: text uint8, ends of their texts (n,); the first bad record or -1.

    pointer (n + 1,), pixels (nnz,) row-major and ascending in each record; kept (nnz,) bool, or (0,) for all.
    """
    records = len(pointer) - 1
    ends = np.zeros(records, np.int64)
    out = np.empty(len(pixels) * PAIR + 1, np.uint8)
    ordered = np.empty(PIXELS, np.int64)
    at = 0
    for record in range(records):
        first, last = pointer[record], pointer[record + 1]
        size = _by_column(pixels, kept, first, last, ordered)
        if size < 0:
            return out[:0], ends, record
        i = 0
        while i < size:
            start = ordered[i]
            i += 1
            while i < size and ordered[i] == ordered[i - 1] + 1:
                i += 1
            at = _put(out, _put(out, at, start + 1), ordered[i - 1] - start + 1)
        ends[record] = at
    return out[:at], ends, -1


@njit(cache=True, nogil=True)
def _by_column(pixels, kept, first, last, ordered):  # type: ignore[no-untyped-def]
    """The record's kept pixels in column-major numbers and order, into `ordered`: how many, -1 if unsound."""
    where = np.zeros(SIDE + 1, np.int64)
    before = np.int64(-1)
    for i in range(first, last):
        pixel = np.int64(pixels[i])
        if pixel <= before or pixel >= PIXELS:
            return -1
        before = pixel
        if len(kept) == 0 or kept[i]:
            where[(pixel & (SIDE - 1)) + 1] += 1
    for column in range(SIDE):
        where[column + 1] += where[column]
    size = where[SIDE]
    for i in range(first, last):
        if len(kept) == 0 or kept[i]:
            pixel = np.int64(pixels[i])
            across = pixel & (SIDE - 1)
            ordered[where[across]] = across * SIDE + (pixel >> 8)
            where[across] += 1
    return size


@njit(cache=True, nogil=True)
def decode(text, mask):  # type: ignore[no-untyped-def]
    """Fill `mask` (256, 256) uint8, zeroed, from ASCII `text`; False where the text breaks any rule."""
    end = 0
    start = 0
    value = 0
    digits = 0
    is_start = True
    for at in range(len(text) + 1):
        char = text[at] if at < len(text) else 32
        if 48 + (digits == 0) <= char <= 57:
            value = value * 10 + (char - 48)
            digits += 1
            if digits > 5:
                return False
            continue
        if char != 32 or digits == 0:
            return False
        if is_start:
            start = value - 1
            if start < end:
                return False
        else:
            end = start + value
            if end > PIXELS:
                return False
            for pixel in range(start, end):
                mask[pixel & (SIDE - 1), pixel >> 8] = 1
        is_start = not is_start
        value = digits = 0
    return is_start
