"""The command tree as a table, loaded lazily, and the one place where errors become a line and an exit code.

Help and completion answer from the table: listing commands imports none of them.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click

from cli.inert import one_line
from cli.listener import completed
from core.errors import UserError, advised, is_out_of_memory
from core.extras import extra_of, not_installed
from core.ranks import world_size

# name: (module of cli.commands and command, the line that help shows, an example) or a table of its own.
COMMANDS: dict[str, Any] = {
    "demo": ("demo:demo", "The whole chain on synthetic scenes.", "demo --out demo"),
    "doctor": ("doctor:doctor", "Check the installation, the data and the runs folder.", "doctor --data scenes"),
    "completion": ("completion:completion", "The script that completes words in a shell.", "completion bash"),
    "data": {
        "": "Make, verify, describe and split scenes.",
        "synth": (
            "data:synth",
            "Make synthetic scenes in the competition's layout.",
            "data synth scenes --train 40 --validation 12 --test 4",
        ),
        "check": ("data:check", "Verify every file of the data.", "data check --data scenes"),
        "stats": (
            "data:stats",
            "Band statistics, positive share, contrail pixels.",
            "data stats --data scenes --csv stats.csv",
        ),
        "features": (
            "data_features:features",
            "Rank channels by how well they tell contrails from the rest.",
            "data features --data scenes --top 10",
        ),
        "shift": (
            "data_shift:shift",
            "How far labels lie off the contrails that they mark.",
            "data shift --data scenes",
        ),
        "folds": (
            "data:folds",
            "Split the labelled records into folds grouped by scene.",
            "data folds --folds 3 --data scenes",
        ),
        "pack": (
            "data_pack:pack",
            "Pack what members need of the scenes into a few compact files.",
            "data pack packed --data scenes",
        ),
    },
    "zoo": {
        "": "The members: list, train, predict.",
        "list": ("zoo_list:list_members", "The members as a table.", 'zoo list --filter "resnet18 t5" --sort -dice'),
        "show": ("zoo_show:show_member", "One member's full recipe.", "zoo show lite0-fc-t5 --diff"),
        "weights": (
            "zoo_weights:weights",
            "Pretrained weights: list, check, pack for a machine without network.",
            "zoo weights lite0-fc-t5 --pack weights",
        ),
        "train": (
            "zoo_train:train",
            "Train members on folds, ending with held-out predictions.",
            "zoo train lite0-fc-t5 --fold 0-2 --epochs 8 --set size=128 --data scenes",
        ),
        "tune": (
            "zoo_tune:tune",
            "Search a member's recipe by one fold's Dice; writes a member.",
            "zoo tune lite0-fc-t5 --trials 10 --epochs 8 --data scenes",
        ),
        "predict": (
            "zoo_predict:predict",
            "Predict again with what is trained.",
            "zoo predict lite0-fc-t5 --tta flips --data scenes",
        ),
        "pseudo": (
            "zoo_pseudo:pseudo",
            "Label further frames and records, for others to train on.",
            "zoo pseudo lite0-fc-t5 --frames 4,6 --data scenes",
        ),
        "tta": (
            "zoo_tta:tta",
            "Which test-time views raise a member's Dice, and what they cost.",
            "zoo tta lite0-fc-t5 --data scenes",
        ),
        "export": (
            "zoo_export:export",
            "A trained member as one file: kelvin in, probability out.",
            "zoo export lite0-fc-t5 --format onnx --out lite0.onnx --data scenes",
        ),
        "leaderboard": (
            "zoo_leaderboard:leaderboard",
            "Members by out-of-fold Dice, and what they cost.",
            "zoo leaderboard --shared --csv leaderboard.csv --data scenes",
        ),
        "errors": (
            "zoo_errors:errors",
            "Where a member or an ensemble loses its Dice, with pictures.",
            "zoo errors default --worst 5 --out worst --data scenes",
        ),
        "remove": (
            "zoo_remove:remove",
            "Take a member, one of its recipes or an ensemble out of the runs folder.",
            "zoo remove lite0-fc-t5 --yes",
        ),
        "import": (
            "zoo_cache:import_predictions",
            "Bring predictions made elsewhere into the cache.",
            "zoo import nnunet --oof oof --test test",
        ),
        "verify": ("zoo_cache:verify", "Check every file under the runs folder.", "zoo verify"),
    },
    "ensemble": {
        "": "Fit, show and compare ensembles.",
        "fit": (
            "ensemble:fit",
            "Weights, threshold and min-pixels from out-of-fold predictions.",
            "ensemble fit --members lite0-fc-t5,resnet18-fc-t5 --ensemble pair --data scenes",
        ),
        "show": ("ensemble:show_ensemble", "A fitted ensemble and where it comes from.", "ensemble show default"),
        "compare": (
            "ensemble:compare",
            "Say whether one ensemble is better than another, paired.",
            "ensemble compare default pair",
        ),
    },
    "report": ("report:report", "One HTML page on all that the runs folder holds.", "report --out report.html"),
    "sign": ("sign:sign", "Sign files of a runs folder that were edited on purpose.", "sign runs/folds.csv"),
    "submit": (
        "submit:submit",
        "Test predictions to masks to a checked submission file.",
        "submit --out submission.csv --data scenes",
    ),
    "submissions": {
        "": "Check and score submission files.",
        "check": (
            "submissions:check",
            "Say whether a file would be accepted and, if not, why.",
            "submissions check submission.csv --data scenes",
        ),
        "score": (
            "submissions:score",
            "Global Dice of a file over the labelled records that it lists.",
            "submissions score oof.csv --split oof --data scenes",
        ),
        "log": (
            "submissions:log",
            "What was submitted, with local and leaderboard scores.",
            "submissions log --public 0.638 --private 0.641",
        ),
    },
}


def command_names(table: Mapping[str, Any] = COMMANDS, before: str = "") -> Iterator[str]:
    """Full name of every command, groups left out."""
    for name, entry in table.items():
        if isinstance(entry, Mapping):
            yield from command_names(entry, f"{before}{name} ")
        elif name:
            yield before + name


class LazyCommand(click.Command):
    """Stand-in that help and completion list; the command itself is imported when it is called."""

    def __init__(self, name: str, target: str, line: str, example: str) -> None:
        super().__init__(name, short_help=line)
        self.target = target
        self.example = example

    def load(self) -> click.Command:
        """The command of `module:attribute` in cli.commands."""
        module, _, attribute = self.target.partition(":")
        command: click.Command = getattr(import_module(f"cli.commands.{module}"), attribute)
        command.epilog = f"Example: cli {self.example}"
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
        try:
            name, command, rest = super().resolve_command(ctx, args)
        except click.UsageError as error:
            said = error.format_message()
            if "Did you mean" in said or args[0].startswith("-"):
                raise
            raise click.UsageError(f"{said.rstrip('.')}; there are: {', '.join(self.commands)}", ctx) from error
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
            package = error.name or ""
            extra = extra_of(package)
            if extra is None or ctx.meta.get("debug"):
                raise
            _print_error(not_installed(package, extra).what)
            ctx.exit(1)
        except BrokenPipeError:
            # The reader of our output has gone; nothing is wrong, and Python need not complain when it flushes.
            sys.stderr.close()
        except OSError as error:  # a full or failing disk, a name that is too long: wherever it was met
            if ctx.meta.get("debug"):
                raise
            where = f"{error.filename}: " if error.filename else ""
            wrong = isinstance(error, NotADirectoryError | IsADirectoryError | FileExistsError)
            do = "choose another path" if wrong else "check the disk, then run the same command again"
            _print_error(f"{where}{error.strerror or error}; {do}")
            ctx.exit(1)
        except (MemoryError, RuntimeError) as error:
            if ctx.meta.get("debug") or not is_out_of_memory(error):
                raise
            _print_error("out of memory; give fewer --jobs, or run it on a machine with more memory")
            ctx.exit(1)


def _print_version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from core.versions import version_text

        click.echo(version_text())
        ctx.exit()


root = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show versions and exit.",
)(
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
    sys.unraisablehook = interrupt_again
    sys.exit(run(sys.argv[1:]))


def interrupt_again(dropped: "sys.UnraisableHookArgs") -> None:
    """Interrupt once more where Python drops an interrupt: in a callback of a weak reference, as torch has many."""
    if dropped.exc_type is KeyboardInterrupt:
        main = threading.main_thread().ident or 0
        threading.Timer(0.01, signal.pthread_kill, (main, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(dropped)


def run(arguments: list[str]) -> int:
    """Exit code of a call: 0 done, 1 data or artefact at fault, 2 the call at fault, 130 interrupted.

    An error is one line on stderr.
    """
    # Read when torch loads. Threads that spin while they wait take the cores from those that work: beside one other
    # busy process an epoch then takes up to twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Read when numpy loads. Its products here are small, and cost eight times as much with two threads that spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if world_size() > 1:
        # Read when torch loads: its processes under torchrun would each warn that all parameters have a gradient.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
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
    click.echo("error: " + one_line(text), err=True)
