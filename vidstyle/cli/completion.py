"""``vidstyle --install-completion``: the shell completes commands, options and their values."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from vidstyle.cli.examples import examples
from vidstyle.cli.messages import say
from vidstyle.cli.options import FILES, AnyPath
from vidstyle.cli.terminal import error_console
from vidstyle.errors import UsageError

NAME = "--install-completion"
Shell = Literal["bash", "zsh", "fish"]


def add_completion(app: App) -> None:
    """Gives an app the command that installs completion of it."""

    def install_completion(
        *,
        shell: Annotated[Shell | None, Parameter(group=FILES, metavar="NAME")] = None,
        output: Annotated[AnyPath | None, Parameter(alias="-o", group=FILES, metavar="FILE")] = None,
    ) -> None:
        """Install completion of commands, options and values for your shell. Prints the path of the script.

        Args:
            shell: The shell. Default: the one that runs this command.
            output: Write the script here. Default: where the shell finds it, with a line in .bashrc or .zshrc.
        """
        from cyclopts.completion.detect import ShellDetectionError

        try:
            script = app.install_completion(shell=shell, output=output, add_to_startup=output is None)
        except ShellDetectionError as error:
            raise UsageError("VS126") from error
        print(script)
        if output is None:
            say(error_console(), "open a new shell to use it")

    app.command(install_completion, name=NAME, help_epilogue=examples(NAME))
