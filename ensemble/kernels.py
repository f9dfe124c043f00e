"""Compiled loops over active pixels: single-threaded, without the interpreter's lock, int64 counts.

Callers run them in threads over ranges of records and add the counts: integers, so the same bits in any order. They are
imported when something is counted, since numba is slow to import.

Shapes: values (members, p) uint8, label (p,) uint8, pixel (p,) uint16 or uint32, pointer (n + 1,) int64; bins (q,)
uint16 of the pixels pointer[first] to pointer[last]; entries (256,) int32; weights (members,) int64.
"""
# mypy: disable-error-code="no-untyped-def"

import numpy as np
from numba import njit

BLOCK = 1024  # with the tables of a histogram it fits into the first cache
NARROW = 256  # weights that are multiples of this take the short way
NOBODY = -1


@njit(cache=True, nogil=True)
def _members_of(weights):
    """Find the members with a weight, and whether all weights are multiples of 1/256."""
    used = np.flatnonzero(weights)
    narrow = True
    for m in used:
        narrow = narrow and weights[m] % NARROW == 0
    return used, narrow


@njit(cache=True, nogil=True, inline="always")
def _set_pair(out, first, second, one, two, size):
    for i in range(size):
        level = np.uint16(one * np.uint16(first[i]))
        out[i] = np.uint16(level + np.uint16(two * np.uint16(second[i])))


@njit(cache=True, nogil=True, inline="always")
def _add_pair(out, first, second, one, two, size):
    for i in range(size):
        level = np.uint16(out[i] + np.uint16(one * np.uint16(first[i])))
        out[i] = np.uint16(level + np.uint16(two * np.uint16(second[i])))


@njit(cache=True, nogil=True, inline="always")
def _narrow_block(values, used, shares, low, high, out):
    """Blend pixels low to high in 16 bits; members in pairs, so that sums are loaded and stored half as often."""
    size = high - low
    for u in range(0, len(used), 2):
        # A last member without a partner is paired with itself, at no weight.
        v = min(u + 1, len(used) - 1)
        second = shares[v] if v > u else np.uint16(0)
        if u == 0:
            _set_pair(out, values[used[u], low:high], values[used[v], low:high], shares[u], second, size)
        else:
            _add_pair(out, values[used[u], low:high], values[used[v], low:high], shares[u], second, size)


@njit(cache=True, nogil=True, inline="always")
def _wide_block(values, weights, used, entries, linear, shift, low, high, wide, out):
    """Blend pixels low to high in 32 bits and shift the levels to bins."""
    size = high - low
    for i in range(size):
        wide[i] = 0
    for m in used:
        share = np.int32(weights[m])
        row = values[m, low:high]
        if linear:
            for i in range(size):
                wide[i] += share * np.int32(row[i])
        else:
            for i in range(size):
                wide[i] += share * entries[row[i]]
    for i in range(size):
        out[i] = wide[i] >> shift


@njit(cache=True, nogil=True)
def blend_bins(values, weights, entries, linear, shift, start, stop, out):
    """Write the bin (level >> shift) of pixels start to stop into out (stop - start,) uint16."""
    used, narrow = _members_of(weights)
    shares = (weights[used] // NARROW).astype(np.uint16)
    wide = np.empty(BLOCK, np.int32)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        part = out[low - start : high - start]
        if linear and narrow:
            _narrow_block(values, used, shares, low, high, part)
            for i in range(high - low):
                part[i] = part[i] >> (shift - 8)
        else:
            _wide_block(values, weights, used, entries, linear, shift, low, high, wide, part)


@njit(cache=True, nogil=True)
def histogram(values, weights, entries, linear, shift, start, stop, counts):
    """Add the histogram of the bins of pixels start to stop to counts (bins,)."""
    used, narrow = _members_of(weights)
    shares = (weights[used] // NARROW).astype(np.uint16)
    wide = np.empty(BLOCK, np.int32)
    block = np.zeros(BLOCK, np.uint16)
    words = block.view(np.uint64)
    short = linear and narrow
    # Narrow levels are left as they are, and shifted when a word of four is taken apart.
    down = np.uint64(shift - 8 if short else 0)
    lane = np.uint64((1 << 16) - 1) >> down
    # Four tables in turn: the next pixel often falls into the same bin and would wait for the last store.
    first, second = np.zeros(lane + 1, np.int32), np.zeros(lane + 1, np.int32)
    third, fourth = np.zeros(lane + 1, np.int32), np.zeros(lane + 1, np.int32)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        if short:
            _narrow_block(values, used, shares, low, high, block)
        else:
            _wide_block(values, weights, used, entries, linear, shift, low, high, wide, block)
        whole = (high - low) >> 2
        for i in range(whole):
            word = words[i] >> down
            first[word & lane] += 1
            second[(word >> np.uint64(16)) & lane] += 1
            third[(word >> np.uint64(32)) & lane] += 1
            fourth[(word >> np.uint64(48)) & lane] += 1
        for i in range(4 * whole, high - low):
            first[np.uint64(block[i]) >> down] += 1
    for b in range(len(counts)):
        counts[b] += np.int64(first[b]) + second[b] + third[b] + fourth[b]


@njit(cache=True, nogil=True)
def histograms(values, weights, entries, linear, shift, edges, counts):
    """Add the histogram of the bins of pixels edges[f, 0] to edges[f, 1] to counts[f], (folds, bins)."""
    for f in range(len(edges)):
        histogram(values, weights, entries, linear, shift, edges[f, 0], edges[f, 1], counts[f])


@njit(cache=True, nogil=True)
def pixels_above(counts, above):
    """Cumulate histograms (folds, 2, bins) of positive and negative pixels from the highest bin down.

    above: (folds, bins, 2), written: positive pixels and all pixels in this bin or a higher one
    """
    for f in range(counts.shape[0]):
        positive, every = np.int64(0), np.int64(0)
        for b in range(counts.shape[2] - 1, -1, -1):
            positive += counts[f, 0, b]
            every += counts[f, 0, b] + counts[f, 1, b]
            above[f, b, 0] = positive
            above[f, b, 1] = every


@njit(cache=True, nogil=True, inline="always")
def _root(parent, node):
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def _neighbours(width):
    """List the steps to the eight neighbours in a grid with a border of one pixel."""
    line = width + 2
    return np.array([-line - 1, -line, -line + 1, -1, 1, line - 1, line, line + 1], np.int64)


@njit(cache=True, nogil=True, inline="always")
def _place(number, width):
    """Compute the index of pixel `number` in the bordered grid."""
    row = np.int64(number) // width
    return np.int64(number) + 2 * row + width + 3


@njit(cache=True, nogil=True, inline="always")
def _attach(i, hit, where, grid, steps, parent, area, hits, changes):
    """Add pixel i to the forest: every component that it touches leaves `changes`, their union enters.

    changes: (sizes, 2), positives and pixels by component size; the last row holds all larger ones
    """
    top = changes.shape[0] - 1
    parent[i] = i
    area[i] = 1
    hits[i] = hit
    grid[where] = i
    root = np.int64(i)
    for step in steps:
        if grid[where + step] == NOBODY:
            continue
        other = np.int64(_root(parent, grid[where + step]))
        if other == root:
            continue
        row = min(area[other], top)
        changes[row, 0] -= hits[other]
        changes[row, 1] -= area[other]
        if area[other] > area[root]:
            root, other = other, root
        parent[other] = root
        area[root] += area[other]
        hits[root] += hits[other]
    row = min(area[root], top)
    changes[row, 0] += hits[root]
    changes[row, 1] += area[root]


@njit(cache=True, nogil=True)
def _descending(bins, start, size, floor, place, order):
    """Sort the pixels of one record from the highest bin down to `floor` by counting; returns their number."""
    place[:] = 0
    for i in range(size):
        place[bins[start + i]] += 1
    used = 0
    for b in range(len(place) - 1, floor - 1, -1):
        here = place[b]
        place[b] = used
        used += here
    for i in range(size):
        b = bins[start + i]
        if b >= floor:
            order[place[b]] = i
            place[b] += 1
    return used


@njit(cache=True, nogil=True)
def _longest(pointer, first, last):
    most = np.int64(0)
    for r in range(first, last):
        most = max(most, pointer[r + 1] - pointer[r])
    return most


@njit(cache=True, nogil=True)
def sweep_components(bins, pixel, label, pointer, first, last, height, width, floor, changes):
    """Sweep records first to last: change of the counts over (threshold, component size) as the threshold falls.

    One pass over each record's pixels in descending bin. A component that grows from area a to b at bin t
    leaves changes[t, a] and enters changes[t, b], with its positives and its pixels.

    changes: (bins, sizes, 2) int64, added to
    """
    base = pointer[first]
    most = _longest(pointer, first, last)
    order, parent = np.empty(most, np.int32), np.empty(most, np.int32)
    area, hits = np.empty(most, np.int64), np.empty(most, np.int64)
    place = np.empty(changes.shape[0], np.int64)
    grid = np.full((height + 2) * (width + 2), NOBODY, np.int32)
    steps = _neighbours(width)
    for r in range(first, last):
        start = pointer[r] - base
        used = _descending(bins, start, pointer[r + 1] - pointer[r], floor, place, order)
        for j in range(used):
            i = order[j]
            p = base + start + i
            where = _place(pixel[p], width)
            hit = np.int64(label[p])
            _attach(i, hit, where, grid, steps, parent, area, hits, changes[bins[start + i]])
        for j in range(used):
            grid[_place(pixel[base + start + order[j]], width)] = NOBODY


@njit(cache=True, nogil=True)
def sweep_images(bins, label, pointer, first, last, floor, changes):
    """Sweep records first to last with all pixels of a record as one component, connected or not."""
    top = changes.shape[1] - 1
    base = pointer[first]
    order = np.empty(_longest(pointer, first, last), np.int32)
    place = np.empty(changes.shape[0], np.int64)
    for r in range(first, last):
        start = pointer[r] - base
        used = _descending(bins, start, pointer[r + 1] - pointer[r], floor, place, order)
        found = np.int64(0)
        for j in range(used):
            b = bins[start + order[j]]
            hit = np.int64(label[base + start + order[j]])
            # Grown from j pixels to j + 1.
            if j:
                changes[b, min(j, top), 0] -= found
                changes[b, min(j, top), 1] -= j
            found += hit
            changes[b, min(j + 1, top), 0] += found
            changes[b, min(j + 1, top), 1] += j + 1


@njit(cache=True, nogil=True)
def count_images(bins, label, pointer, first, last, threshold, least, out):
    """Write positives and pixels of records that keep at least `least` pixels into out (last - first, 2) int64."""
    base = pointer[first]
    for r in range(first, last):
        kept = np.int64(0)
        found = np.int64(0)
        for p in range(pointer[r], pointer[r + 1]):
            if bins[p - base] >= threshold:
                kept += 1
                found += np.int64(label[p])
        if kept >= least:
            out[r - first, 0] = found
            out[r - first, 1] = kept


@njit(cache=True, nogil=True)
def count_components(bins, pixel, label, pointer, first, last, height, width, threshold, least, out):
    """Write positives and pixels in components of at least `least` pixels into out (last - first, 2) int64."""
    base = pointer[first]
    most = _longest(pointer, first, last)
    parent = np.empty(most, np.int32)
    area, hits = np.empty(most, np.int64), np.empty(most, np.int64)
    grid = np.full((height + 2) * (width + 2), NOBODY, np.int32)
    steps = _neighbours(width)
    nowhere = np.zeros((1, 2), np.int64)
    for r in range(first, last):
        start = pointer[r]
        size = pointer[r + 1] - start
        for i in range(size):
            if bins[start - base + i] >= threshold:
                where, hit = _place(pixel[start + i], width), np.int64(label[start + i])
                _attach(i, hit, where, grid, steps, parent, area, hits, nowhere)
        for i in range(size):
            if bins[start - base + i] >= threshold:
                grid[_place(pixel[start + i], width)] = NOBODY
                if parent[i] == i and area[i] >= least:
                    out[r - first, 0] += hits[i]
                    out[r - first, 1] += area[i]
