"""The command tree as a table, loaded lazily, and the one place where errors become a line and an exit code.

Help and completion answer from the table: listing commands imports none of them.
"""

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from cli.listener import completed
from core.errors import UserError, advised

# What only an extra brings.
EXTRAS = {
    **dict.fromkeys(("torch", "torchvision", "timm", "segmentation_models_pytorch", "ttach"), "zoo"),
    **dict.fromkeys(("safetensors", "huggingface_hub"), "zoo"),
    **dict.fromkeys(("onnx", "onnxscript", "onnxruntime"), "export"),
    "optuna": "tune",
    "pandas": "tables",
    "fsspec": "remote",
}

# name: (module of cli.commands and command, the line that help shows) or a table of its own.
COMMANDS: dict[str, Any] = {
    "demo": ("demo:demo", "The whole chain on synthetic scenes."),
    "data": {
        "": "Make, verify, describe and split scenes.",
        "synth": ("data:synth", "Make synthetic scenes in the competition's layout."),
        "check": ("data:check", "Verify every file of the data."),
        "stats": ("data:stats", "Band statistics, positive share, contrail pixels."),
        "features": (
            "data_features:features",
            "Rank channels by how well they tell contrails from the rest.",
        ),
        "pack": ("data_pack:pack", "Pack what members need of the scenes into a few compact files."),
        "shift": ("data_shift:shift", "How far labels lie off the contrails that they mark."),
        "folds": ("data:folds", "Split the labelled records into folds grouped by scene."),
    },
    "zoo": {
        "": "The members: list, train, predict.",
        "list": ("zoo_list:list_members", "The members as a table."),
        "show": ("zoo_show:show_member", "One member's full recipe."),
        "weights": (
            "zoo_weights:weights",
            "Pretrained weights: list, check, pack for a machine without network.",
        ),
        "train": ("zoo_train:train", "Train members on folds, ending with held-out predictions."),
        "tune": ("zoo_tune:tune", "Search a member's recipe by one fold's Dice; writes a member."),
        "predict": ("zoo_predict:predict", "Predict again with what is trained."),
        "pseudo": ("zoo_pseudo:pseudo", "Label further frames and records, for others to train on."),
        "tta": ("zoo_tta:tta", "Which test-time views raise a member's Dice, and what they cost."),
        "export": ("zoo_export:export", "A trained member as one file: kelvin in, probability out."),
        "leaderboard": (
            "zoo_leaderboard:leaderboard",
            "Members by out-of-fold Dice, and what they cost.",
        ),
        "errors": ("zoo_errors:errors", "Where a member or an ensemble loses its Dice, with pictures."),
        "import": ("zoo_cache:import_predictions", "Bring predictions made elsewhere into the cache."),
        "verify": ("zoo_cache:verify", "Check every file under the runs folder."),
    },
    "ensemble": {
        "": "Fit, show and compare ensembles.",
        "fit": ("ensemble:fit", "Weights, threshold and min-pixels from out-of-fold predictions."),
        "show": ("ensemble:show_ensemble", "A fitted ensemble and where it comes from."),
        "compare": ("ensemble:compare", "Say whether one ensemble is better than another, paired."),
    },
    "report": ("report:report", "One HTML page on all that the runs folder holds."),
    "sign": ("sign:sign", "Sign files of a runs folder that were edited on purpose."),
    "submit": ("submit:submit", "Test predictions to masks to a checked submission file."),
    "submissions": {
        "": "Check and score submission files.",
        "check": ("submissions:check", "Say whether a file would be accepted and, if not, why."),
        "score": ("submissions:score", "Global Dice of a file over the labelled records that it lists."),
        "log": ("submissions:log", "What was submitted, with local and leaderboard scores."),
    },
}


class LazyCommand(click.Command):
    """Stand-in that help and completion list; the command itself is imported when it is called."""

    def __init__(self, name: str, target: str, line: str) -> None:
        super().__init__(name, short_help=line)
        self.target = target

    def load(self) -> click.Command:
        """The command of `module:attribute` in cli.commands."""
        module, _, attribute = self.target.partition(":")
        command: click.Command = getattr(import_module(f"cli.commands.{module}"), attribute)
        return command


class LazyGroup(click.Group):
    """Group whose commands are imported only when they are called or asked for their own help."""

    def __init__(self, table: Mapping[str, Any], **given: Any) -> None:
        commands: dict[str, click.Command] = {}
        for name, entry in table.items():
            if isinstance(entry, Mapping):
                commands[name] = LazyGroup(entry, name=name, help=entry[""], short_help=entry[""])
            elif name:
                commands[name] = LazyCommand(name, *entry)
        super().__init__(commands=commands, **given)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest


class RootGroup(LazyGroup):
    """Group of all commands; user errors end as one line on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            if ctx.meta.get("debug"):
                raise
            typed = ctx.meta.get("typed", "")
            _print_error(advised(error.what, completed(error.do, typed)))
            ctx.exit(error.exit_code)
        except ModuleNotFoundError as error:
            extra = EXTRAS.get(error.name or "")
            if extra is None or ctx.meta.get("debug"):
                raise
            install = f"install the suite with its extra: contrail-ensemble[{extra}]"
            _print_error(f"{error.name} is not installed; {install}")
            ctx.exit(1)
        except BrokenPipeError:
            # The reader of our output has gone; nothing is wrong, and Python need not complain when it flushes.
            sys.stderr.close()


root = click.version_option(package_name="contrail-ensemble")(
    RootGroup(
        COMMANDS,
        name="cli",
        help="From satellite scenes to an honest contrail segmentation.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
)


def main() -> None:
    """Run the command line and exit with its code."""
    # What a scheduler sends ends as cleanly as what a user types.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Exit code of a call: 0 done, 1 data or artefact at fault, 2 the call at fault, 130 interrupted.

    An error is one line on stderr.
    """
    # Read when torch loads. Threads that spin while they wait take the cores from those that work: beside one other
    # busy process an epoch then takes up to twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Read when numpy loads. Its products here are small, and cost eight times as much with two threads that spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return root.main(arguments, "cli", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return error.exit_code
    except click.Abort:
        _print_error("interrupted; run the same command again to go on")
        return 130
    except click.ClickException as error:
        where = f" (see: {error.ctx.command_path} --help)" if isinstance(error, click.UsageError) and error.ctx else ""
        _print_error(error.format_message() + where)
        return error.exit_code


def _print_error(text: str) -> None:
    click.echo("error: " + " ".join(text.split()), err=True)
