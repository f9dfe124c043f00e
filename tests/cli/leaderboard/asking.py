"""Commands of the zoo on fake runs, and what they answer."""

import json

from cli.app import run


def ask(made, capsys, *words, code=0):
    assert run(["zoo", *words, "--data", str(made.data), "--runs", str(made.runs), "--jobs", "1"]) == code
    return capsys.readouterr()


def rows_of(made, capsys, *words):
    return json.loads(ask(made, capsys, "leaderboard", "--json", *words).out)
