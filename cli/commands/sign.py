"""`cli sign`: give a file that was edited on purpose a new digest."""

from pathlib import Path

import click

from cli.options import Settings, common
from cli.output import show


@click.command("sign")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@common
def sign(settings: Settings, files: tuple[Path, ...]) -> None:
    """Sign FILES of a runs folder that were edited on purpose.

    Each file is checked first: one that does not parse or has invalid values is refused and left unchanged.
    """
    from pipeline.artefacts import sign as sign_file

    for file in files:
        sign_file(file)
    show(settings, {"signed": [str(file) for file in files]}, lambda console: _print_signed(files))


def _print_signed(files: tuple[Path, ...]) -> None:
    for file in files:
        click.echo(f"{file}: signed")
