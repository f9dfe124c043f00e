"""How a threshold is written for people: the same everywhere, and never as the nothing that it is not."""


def threshold_text(threshold: float, digits: int = 2) -> str:
    """The probability with so many decimals; with those that it takes where these would read 0."""
    text = f"{threshold:.{digits}f}"
    return text if float(text) or not threshold else f"{threshold:.1g}"
