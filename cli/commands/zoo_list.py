"""`cli zoo list`."""

import click

from cli.options import Settings, common, tables
from cli.output import next_step, show
from core.command import Command
from core.errors import UsageError


@click.command("list")
@click.option("--filter", "words", metavar="TEXT", default="", help="Members that match each word; t5: frame 5 only.")
@click.option(
    "--sort", "key", metavar="KEY", default="name", show_default=True, help="Sort by a key of --json; -KEY: descending."
)
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
@tables
@common
def list_members(settings: Settings, words: str, key: str, markdown: bool) -> None:
    """List members with composition, cost, logged scores and own scores.

    M: millions of weights. GMACs: billions of multiply-adds a scene. s / record: of one run, the mean
    over its runs. A narrow terminal shows fewer columns.
    """
    from cli.tables.members import as_markdown, print_members
    from pipeline.members import list_members as listed

    if markdown and settings.json:
        raise UsageError("--markdown and --json differ; give one of them")
    found = listed(
        settings.runs,
        settings.scenes_or_none(wanted=not markdown and bool(settings.runs.predicted_members())),
        containing=words,
        sort=key,
        scored=not markdown,
        own_members=settings.members,
        jobs=settings.jobs,
        listener=settings.listener,
    )
    if not found.table.rows and not settings.json:
        settings.listener.info(f'no member contains "{words}"')
    elif markdown:
        click.echo(as_markdown(found.table))
    else:
        show(settings, found.as_dict(), lambda console: print_members(console, found, own_first=key == "name"))
        next_step(settings, Command("zoo show", "MEMBER"))
