"""Section of the report: what to do next, from what is there and what its tables advise."""

from collections.abc import Iterator

from core.command import Command
from core.errors import UserError
from core.files import sha256_of
from ensemble import Ensemble
from ensemble.model import to_document
from pipeline.maps import changed_since_fit
from pipeline.report.asked import Asked
from webpage import Advice, Steps, Text
from webpage.blocks import Block


def blocks(asked: Asked) -> list[Block]:
    """List advice that can be followed; what only warns stands beside the figures that it is about."""
    advice = [*_chain(asked), *(asked.advice(text, do) for text, do in asked.listener.kept)]
    found = list(dict.fromkeys(advice))
    return [Steps(found)] if found else [Text("Nothing is left to do: every submission has its score.")]


def _chain(asked: Asked) -> Iterator[Advice]:
    store = asked.store
    if not store.predicted_members():
        yield asked.advice("no member has predictions yet: train one", Command("zoo train", fold="all"))
        return
    if asked.scenes is None:
        yield asked.advice("name the data to see scores, pictures and errors here", Command("report", data="DIR"))
    try:
        ensemble = asked.ensemble
    except UserError as error:
        yield asked.advice(error.what, error.do)
        return
    yield from _of_ensemble(asked, ensemble)
    digest = sha256_of(to_document(ensemble))
    sent = [entry for entry in asked.ledger.entries if entry.sent.ensemble_sha256 == digest]
    if not sent:
        submit = Command("submit", out="submission.csv", ensemble=asked.named)
        yield asked.advice("this ensemble is not submitted yet: write the masks of the test records", submit)
    elif sent[-1].public is None:
        command = Command("submissions log", public="SCORE", entry=sent[-1].number)
        yield asked.advice(f"submission {sent[-1].title} has no public score: add it when you have it", command)


def _of_ensemble(asked: Asked, ensemble: Ensemble) -> Iterator[Advice]:
    for change in changed_since_fit(asked.store, ensemble):
        yield asked.advice(change.what, change.do)
    for text, do in ensemble.report.advised_warnings if not ensemble.edited else ():
        if do:
            yield asked.advice(text, do)
