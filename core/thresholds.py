"""Text of a threshold, the same everywhere; a threshold above 0 never reads 0."""


def threshold_text(threshold: float, digits: int = 2) -> str:
    """Probability rounded to this many decimals, or to more if it would read 0."""
    text = f"{threshold:.{digits}f}"
    return text if float(text) or not threshold else f"{threshold:.1g}"
