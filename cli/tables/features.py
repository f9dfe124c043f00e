"""Tables of `cli data features`: channels, registered inputs, and the channels of a new input."""

from functools import partial
from typing import Any

from cli.tables.columns import Column, column_of
from cli.tables.page import Page
from zoo.data.feature_ranking import FEWEST, fold_words


def print_ranking(console: Page, document: dict[str, Any], top: int) -> None:
    """Print the `top` channels, the inputs, and the channels of a new input."""
    where = f"{document['scenes']} scenes of {fold_words(document['folds'])}"
    shown = document["ranking"][:top]
    console.table(_channel_columns(shown), f"Contrail pixels against a ring around them: {where}")
    if any(row["may_be_best"] for row in shown[1:]):
        console.say("~: on the scenes that hold both, it may be as good as the first")
    if document["groups"] == 1:
        console.say("the intervals mean nothing: they are drawn from scene groups, and there is only one")
    console.print()
    if not document["inputs"]:
        console.say(_no_input(document))
        return
    compared = document["compared_scenes"]
    title = f"Registered inputs: the linear discriminant of their channels, on {compared} scenes"
    console.table(_input_columns(document["inputs"]), title)
    console.say(
        f"suggested: {document['suggested']}; of the inputs that every scene allows and that may be the best, "
        "the one with the fewest channels"
    )
    for kind, words in (("pixelwise", "pixel by pixel"), ("any", "with filters")):
        steps = "; ".join(f"{row['channel']} ({row['d_prime']:.2f})" for row in document["composed"][kind])
        console.say(f"channels of a new input, {words}, and the d' with each of them added: {steps}")


def _no_input(document: dict[str, Any]) -> str:
    """Reason why no input is suggested, and advice."""
    advice = "give more --folds, or name more data"
    found = "that hold the same bands" if document["scenes"] >= FEWEST else f"and here are {document['scenes']}"
    return f"no input is suggested: that takes {FEWEST} scenes with contrails {found}; {advice}"


def _channel_columns(rows: list[dict[str, Any]]) -> list[Column]:
    column = partial(column_of, rows)
    mark = {row["name"]: " ~" for row in rows[1:] if row["may_be_best"]}
    return [
        column("channel", 0, lambda row: row["name"] + mark.get(row["name"], ""), numbers=False),
        column("contrails are", 4, lambda row: "brighter" if row["brighter"] else "darker", numbers=False),
        column("AUC", 0, lambda row: f"{row['auc']:.3f}"),
        column("95 % interval", 2, lambda row: f"{row['low']:.3f} to {row['high']:.3f}"),
        column("d'", 3, lambda row: f"{row['d_prime']:.2f}"),
        column("scenes", 5, lambda row: str(row["scenes"])),
    ]


def _input_columns(rows: list[dict[str, Any]]) -> list[Column]:
    column = partial(column_of, rows)
    return [
        column("input", 0, lambda row: row["name"], numbers=False),
        column("channels", 3, lambda row: str(row["channels"])),
        column("d'", 0, lambda row: f"{row['d_prime']:.2f}"),
        column("behind the best", 2, lambda row: f"{row['behind']:.2f} ± {2 * row['error']:.2f}"),
        column("scenes that allow it", 4, lambda row: str(row["scenes"])),
    ]
