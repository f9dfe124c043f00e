"""`cli doctor`: diagnose the installation, the data and the runs folder."""

import click

from cli.options import Settings, common, tables
from cli.output import show


@click.command("doctor")
@tables
@common
def doctor(settings: Settings) -> None:
    """Check versions, device, memory, disk, data, weights of the default line-up, and files under the runs folder.

    Each finding is OK, a warning or a fault, with the command that mends it. Exit code 1 if there is a fault.
    """
    from cli.tables.doctor import print_diagnosis
    from pipeline.doctor import diagnose

    members = settings.line_ups.members(())
    found = diagnose(
        settings.runs,
        settings.data,
        members,
        own_members=settings.members,
        device=settings.device,
        jobs=settings.jobs,
    )
    show(settings, found.as_dict(), lambda page: print_diagnosis(page, found, settings.typed))
    found.raise_if_faulty()
