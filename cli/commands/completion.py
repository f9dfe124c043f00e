"""`cli completion`: the script that makes a shell complete commands, options and names."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands, options, members, ensembles, folds and splits in SHELL.

    Add it to the file that the shell reads at its start: eval "$(cli completion bash)" to ~/.bashrc, the same with zsh
    to ~/.zshrc, and cli completion fish | source to ~/.config/fish/config.fish.
    """
    made = get_completion_class(shell)
    assert made is not None
    root = click.get_current_context().find_root().command
    click.echo(made(root, {}, "cli", "_CLI_COMPLETE").source())
