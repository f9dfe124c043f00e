"""`cli submit`: test predictions -> masks -> file -> gate -> ledger."""

from pathlib import Path

import click

from cli.completing import ENSEMBLE
from cli.options import Settings, common, reads_runs
from cli.output import next_step, show
from core.command import Command
from core.errors import UsageError
from core.registry import module_names


class Splits(click.Choice[str]):
    """Splits of which masks can be written; another one that has labels is answered with the way to its masks."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in ("train", "validation", "labelled"):
            self.fail(f"{value} records have labels: oof writes their masks, each by models that did not see it", param)
        return super().convert(value, param, ctx)


FORMATS = module_names(Path(__file__).parents[2] / "submissions" / "formats")


@click.command("submit")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File or folder to write.")
@ENSEMBLE
@click.option(
    "--split",
    type=Splits(["test", "oof"]),
    default="test",
    show_default=True,
    help="Test records, or (oof: out of fold) the labelled ones that the ensemble was fitted on.",
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Format of the masks."
)
@click.option("--kaggle", is_flag=True, help="Write a zip for a notebook without internet instead.")
@click.option("--to", type=click.Choice(["kaggle"]), help="Upload the file with the official kaggle client.")
@click.option("--force", is_flag=True, help="Overwrite an existing file or folder.")
@common
@reads_runs
def submit(
    settings: Settings, out: Path, name: str, split: str, form: str, kaggle: bool, to: str | None, force: bool
) -> None:
    """Write the masks of the test records, check them and record them in the ledger.

    Test maps that are missing are predicted first. --split oof writes the masks of the records that the ensemble was
    fitted on, from their out-of-fold maps: scoring that file gives its in-sample Dice. Formats other than csv make a
    folder with one file a record; geotiff and geojson need the metadata of the records' split. --kaggle packs what
    makes the same csv in a notebook: wheels, weights, ensemble.json, a script of three lines.
    """
    if (kaggle or to) and (form != "csv" or split != "test" or (kaggle and to)):
        raise UsageError(
            "--kaggle and --to kaggle write the csv of the test records; give one of them, without --format or --split"
        )
    if kaggle:
        _bundle(settings, out, name, force)
    else:
        _submit(settings, out, name, split, form, bool(to), force)


def _submit(settings: Settings, out: Path, name: str, split: str, form: str, to_kaggle: bool, force: bool) -> None:
    from cli.tables.submissions import print_submitted
    from ensemble import Ensemble
    from pipeline.submission import submit as submit_masks
    from submissions.formats import FORMATS, require_format

    # Without an ensemble the call is at fault, too; with one the file may be that of the same command before.
    require_format(form, out, force or settings.runs.ensemble(name).exists())
    document = submit_masks(
        settings.runs,
        Ensemble.load(settings.runs.ensemble(name)),
        out,
        settings.scenes() if split == "test" or FORMATS.facts(form).placed else None,
        split=split,
        form=form,
        force=force,
        to_kaggle=to_kaggle,
        device=settings.device,
        jobs=settings.jobs,
        listener=settings.listener,
    ).as_dict()
    show(settings, document, lambda console: print_submitted(console, document))
    if to_kaggle:
        next_step(settings, Command("submissions log", public="SCORE"))
    elif form == "csv" and split == "test":
        next_step(settings, Command("submissions check", out))
    elif form == "csv":
        # Masks come from predictions alone; their labels lie with the scenes.
        next_step(settings, Command("submissions score", out, data=None if settings.data else "SCENES"))


def _bundle(settings: Settings, out: Path, name: str, force: bool) -> None:
    from cli.tables.submissions import print_bundle
    from ensemble import Ensemble
    from pipeline.bundle import bundle

    document = bundle(
        settings.runs,
        Ensemble.load(settings.runs.ensemble(name)),
        out,
        force=force,
        listener=settings.listener,
    ).as_dict()
    show(settings, document, lambda console: print_bundle(console, document))
    if not settings.json:
        settings.listener.info(
            f"next: upload {out} to Kaggle as a dataset named {out.stem}, then in a notebook without internet: "
            f"%run /kaggle/input/{out.stem}/notebook.py"
        )
