"""Flipped bits: what a disk or a wire does to a file."""

from collections.abc import Iterable, Iterator


def flipped(content: bytes, bits: Iterable[int]) -> Iterator[bytes]:
    """Copies of `content`, each with one of these bits flipped."""
    for bit in bits:
        torn = bytearray(content)
        torn[bit // 8] ^= 1 << bit % 8
        yield bytes(torn)
