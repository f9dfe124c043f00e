"""`cli data pack`: scenes as a packed folder, compact and quick to read."""

from pathlib import Path

import click

from cli.completing import complete_members
from cli.options import Settings, common, parse_frames
from cli.output import next_step, show
from core.command import Command


@click.command("pack")
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.argument("members", metavar="[MEMBER]...", nargs=-1, shell_complete=complete_members)
@click.option("--input", "inputs", metavar="NAME", multiple=True, help="Input to keep bands for; may be repeated.")
@click.option("--frames", metavar="K,...", help="Frames to keep, 1 to 8, besides those of the members. [5]")
@common
def pack(settings: Settings, out: Path, members: tuple[str, ...], inputs: tuple[str, ...], frames: str | None) -> None:
    """Pack the scenes of --data into OUT: the bands and frames that MEMBERs or --inputs need, in a few large files.

    Without either, those of the default line-up. Ash colours are kept in steps of 1/255 if they are enough, otherwise
    bands in steps of 0.01 K. --data may also be a zip file or the URL of an object store.
    The same command continues an interrupted one, and packs damaged shards again. --data OUT then reads the result.
    """
    from zoo.workflows.pack import pack_scenes

    named = settings.line_up(members) if members or not inputs else ()
    packed = pack_scenes(
        settings.require_data(),
        out,
        named,
        inputs=inputs,
        frames=parse_frames(frames),
        own_members=settings.members,
        jobs=settings.jobs,
        listener=settings.listener,
    )
    document = packed.as_dict()
    line = f"{out}: {packed.records:,} records in {packed.bytes / 1e6:,.0f} MB"
    line += f", {packed.reused:,} of them there before" if packed.reused else ""
    show(settings, document, lambda console: console.print(line, soft_wrap=True))
    next_step(settings, Command("data check", data=out))
