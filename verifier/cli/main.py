"""The command `chainproof`: finds the command, runs it, and turns every outcome into an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from verifier import __version__
from verifier.cli import COMMANDS
from verifier.cli.command import Command, Exit
from verifier.cli.streams import put, silence, tell, unwritten
from verifier.model.disagreement import Disagreement
from verifier.model.origin import InputError


class _Commands(click.Group):
    """Commands whose modules are loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module: Command = import_module(f"verifier.cli.{cmd_name}").MODULE
        return module.click

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chainproof", message="%(prog)s %(version)s")
def chainproof() -> None:
    """Prove that what a Kubernetes node has loaded into iptables means what its NetworkPolicies say."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    try:
        result = chainproof.main(arguments, prog_name="chainproof", standalone_mode=False)
        put()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        return _failed("interrupted", Exit.INTERRUPTED)
    except click.ClickException as error:
        return _refused(error)
    except InputError as error:
        return _failed(f"{error.origin}: {error.problem}\n  {error.remedy}")
    except OSError as error:
        if error.filename is not None:
            return _own_fault(f"{type(error).__name__}: {error}", error)
        silence(sys.stdout)  # whatever is read or opened says what it failed at: this is the output
        return _refused(unwritten(error))
    except RecursionError:
        return _failed(
            "the input is nested too deeply to be read\n  no Kubernetes object or rule set is; check the files"
        )
    except MemoryError:
        return _failed(
            "the input does not fit into memory\n  verify fewer nodes at a time with --node, or check the files"
        )
    except Disagreement as error:
        return _own_fault(str(error), error)
    except Exception as error:  # noqa: BLE001 (the last resort: whatever it is, it is ours)
        return _own_fault(f"{type(error).__name__}: {error}", error)
    return result if isinstance(result, int) else Exit.PROVED


def _failed(message: str, code: Exit = Exit.USAGE) -> int:
    tell(f"error: {message}")
    return code


def _refused(error: click.ClickException) -> int:
    try:
        error.show()
    except OSError:
        silence(sys.stderr)
    return Exit.USAGE


def _own_fault(message: str, error: Exception) -> int:
    first = message.splitlines()[0] if message else type(error).__name__
    tell(f"a fault of chainproof itself, please report it (CHAINPROOF_DEBUG=1 shows more): {first}")
    if os.environ.get("CHAINPROOF_DEBUG") == "1":
        import traceback  # noqa: PLC0415

        traceback.print_exception(error)
    return Exit.DISAGREEMENT


if __name__ == "__main__":
    main()
