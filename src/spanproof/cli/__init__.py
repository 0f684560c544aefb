"""The command line: a thin face; each command imports what it needs when it runs.

Exit status: 0 holds, 1 violated, 2 usage or unreadable input, 3 unknown, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Final, NoReturn, TextIO

COMMANDS: Final = {  # name: what it does; its code is the module of that name here
    "check": "judge traces: causality and structure, with the evidence",
    "info": "say what a file of traces holds",
    "show": "draw a trace in the terminal, violations marked",
    "convert": "translate traces into another format",
    "explain": "explain a finding's code",
    "schema": "print the JSON Schema of the report",
    "warmup": "compile every kernel now, so that later commands start fast",
}

_HELP: Final = """\
usage: spanproof COMMAND …

spanproof judges OpenTelemetry traces and shows the evidence for every verdict.

commands:
{commands}

try:
  spanproof check traces.json            a verdict on a file, recognised by its content
  spanproof check --format html -o report.html 'exports/*.jsonl.gz'
  spanproof show traces.json             the worst trace, drawn
  spanproof COMMAND --help               what a command takes

exit status: 0 holds, 1 violated, 2 usage or unreadable input, 3 unknown
"""


def command() -> NoReturn:
    """The `spanproof` command: `main`, then the end of the process.

    Taking apart what the libraries built would cost a fifth of a short command's time, for
    nothing: all files are closed by then, and all threads have ended.
    """
    try:
        status = main()
    except SystemExit as end:  # of a parser, or a signal
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except OSError as error:  # of the help text
        sys.stderr.write(f"spanproof: cannot write: {error.strerror or error}\n")
        status = 2
    except Exception:  # noqa: BLE001 - ours: never to be taken for a verdict
        import traceback

        traceback.print_exc()
        sys.stderr.write("spanproof: this is a mistake in spanproof, not in your traces\n")
        status = 70
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # closed at the other end
            status = status or 2
    os._exit(status)


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    command, *rest = arguments or ["--help"]
    if command in ("-h", "--help", "help") and not (command == "help" and rest):
        rows = (f"  {name:<9} {what}" for name, what in COMMANDS.items())
        sys.stdout.write(_HELP.format(commands="\n".join(rows)))
        return 0
    if command in ("-V", "--version"):
        from spanproof import __version__

        sys.stdout.write(f"spanproof {__version__}\n")
        return 0
    if command == "help":
        command, rest = rest[0], ["--help"]
    if command not in COMMANDS:
        return _unknown(command)
    return _run(command, rest)


def _run(command: str, arguments: list[str]) -> int:
    import gc
    import signal
    import threading
    from io import TextIOWrapper

    from spanproof.errors import SpanproofError

    # Libraries make some 10^5 objects while they load, all of which stay: looking through
    # them for garbage again and again would cost a tenth of a second.
    gc.set_threshold(100_000, 50, 50)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever the pipe's encoding
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminated)
    if sys.stderr.isatty():
        from spanproof import kernels

        kernels.compiling.append(_say_once)
    try:
        module = import_module(f"spanproof.cli.{command}")
        options = module.parser().parse_args(arguments)
        status: int = module.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe has gone: nothing is left to say
        _forget(sys.stdout)
        return 141
    except SpanproofError as error:
        sys.stderr.write(f"spanproof: {error}\n")
        return 2
    except MemoryError:
        sys.stderr.write("spanproof: out of memory\n  help: --max-bytes N refuses large input\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("spanproof: interrupted\n")
        return 130
    except OSError as error:  # of the output: the input's are told by those who read it
        sys.stderr.write(f"spanproof: cannot write: {error.strerror or error}\n")
        _forget(sys.stdout)
        return 2
    return status


def _forget(stream: TextIO) -> None:
    """What is still in the stream's buffer goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _terminated(_signal: int, _frame: object) -> NoReturn:
    """An end from outside unwinds as an interrupt does: nothing half-written stays."""
    raise SystemExit(143)


def _say_once() -> None:
    from spanproof import kernels

    kernels.compiling.clear()
    sys.stderr.write("compiling kernels: this happens once and takes some seconds …\n")


def _unknown(command: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(command, COMMANDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"commands: {', '.join(COMMANDS)}"
    sys.stderr.write(f"spanproof: there is no command {command!r}\n  help: {hint}\n")
    return 2
