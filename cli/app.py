"""The command tree as a table, loaded lazily, and the one place where errors become a line and an exit code.

Help answers from the table: listing commands imports none of them.
"""

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from cli.listener import completed
from cli.output import complete
from core.errors import UserError, advised

# What only an extra brings.
EXTRAS = {
    **dict.fromkeys(("torch", "torchvision", "timm", "segmentation_models_pytorch", "safetensors"), "zoo"),
    **dict.fromkeys(("onnx", "onnxscript", "onnxruntime"), "export"),
    "optuna": "tune",
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
        "export": ("zoo_export:export", "A trained member as one file: kelvin in, probability out."),
        "leaderboard": (
            "zoo_leaderboard:leaderboard",
            "Members by out-of-fold Dice, and what they cost.",
        ),
        "import": ("zoo_cache:import_predictions", "Bring predictions made elsewhere into the cache."),
        "verify": ("zoo_cache:verify", "Check every prediction set under the runs folder."),
    },
    "ensemble": {
        "": "Fit, show and compare ensembles.",
        "fit": ("ensemble:fit", "Weights, threshold and min-pixels from out-of-fold predictions."),
        "show": ("ensemble:show_ensemble", "A fitted ensemble and where it comes from."),
        "compare": ("ensemble:compare", "Say whether one ensemble is better than another, paired."),
    },
    "submit": ("submit:submit", "Test predictions to masks to a checked submission file."),
    "submissions": {
        "": "Check and score submission files.",
        "check": ("submissions:check", "Say whether a file would be accepted and, if not, why."),
        "score": ("submissions:score", "Global Dice of a file over the labelled records that it lists."),
        "log": ("submissions_log:log", "What was submitted, with local and leaderboard scores."),
    },
}


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are called or asked for their own help."""

    def __init__(self, table: Mapping[str, Any], **given: Any) -> None:
        super().__init__(**given)
        self.table = {name: entry for name, entry in table.items() if name}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        if isinstance(entry, Mapping):
            return LazyGroup(entry, name=cmd_name, help=entry[""])
        module, _, attribute = entry[0].partition(":")
        command: click.Command = getattr(import_module(f"cli.commands.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, entry[""] if isinstance(entry, Mapping) else entry[1]) for name, entry in self.table.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


root = click.version_option(package_name="contrail-ensemble")(
    LazyGroup(
        COMMANDS,
        name="cli",
        help="From satellite scenes to an honest contrail segmentation.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
)


def main() -> None:
    """Run the command line; a UserError becomes one line on stderr and its exit code."""
    # What a scheduler sends ends as cleanly as what a user types.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of a call: 0 done, 1 data or artefact at fault, 2 the call at fault, 130 interrupted."""
    # Read when torch loads. Threads that spin while they wait take the cores from those that work: beside one other
    # busy process an epoch then takes up to twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    meta: dict[str, Any] = {}
    try:
        with root.make_context("cli", list(arguments)) as context:
            meta = context.meta
            root.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.format_message())
        return 2
    except click.UsageError as error:
        where = f" (see: {error.ctx.command_path} --help)" if error.ctx else ""
        return _fail(error.format_message() + where, 2)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except UserError as error:
        if meta.get("debug"):
            raise
        typed = meta.get("typed", "")
        return _fail(
            complete(advised(error.what, completed(error.do, typed)), "" if error.do else typed), error.exit_code
        )
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(error.name or "")
        if extra is None or meta.get("debug"):
            raise
        return _fail(f"{error.name} is not installed; install the suite with its extra: contrail-ensemble[{extra}]", 1)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted; run the same command again to go on", 130)
    except BrokenPipeError:
        # Whoever read our answer has gone; nothing is wrong.
        sys.stderr.close()
        return 0
    return 0


def _fail(message: str, code: int) -> int:
    click.echo("error: " + " ".join(message.split()), err=True)
    return code
