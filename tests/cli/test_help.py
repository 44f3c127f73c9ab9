"""The help of every command, and the completion of the shell."""

import os
import subprocess
import sys
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from cli.app import COMMANDS, GROUPS

Syncline = Callable[..., CompletedProcess[str]]

OURS = [name for panels in (COMMANDS, GROUPS) for panel in panels.values() for name in panel if name != "prefect"]
NAMES = [(), *((name,) for name in OURS)]
INNER = [
    ("alerts", "test"),
    ("breaker", "reset"),
    ("checkpoint", "show"),
    ("db", "revision"),
    ("listings", "list"),
    ("rounds", "freeze"),
]


@pytest.mark.parametrize("words", [*NAMES, *INNER], ids=" ".join)
def test_no_flag_has_a_type(words: tuple[str, ...], syncline: Syncline) -> None:
    """`--json <bool>` reads as if a value had to follow."""
    done = syncline(*words, "--help")
    assert done.returncode == 0
    assert "--help" in done.stdout
    assert "bool" not in done.stdout


def test_completion_of_the_shell_has_a_script_and_the_commands() -> None:
    """`syncline --install-completion` puts the script where the shell reads it."""
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # the tests need not be run from a shell
    script = _run(named, "--show-completion", "bash")
    assert "_SYNCLINE_COMPLETE" in script
    words = {"_SYNCLINE_COMPLETE": "complete_bash", "COMP_WORDS": "syncline st", "COMP_CWORD": "1"}
    assert {"status", "start", "stop"} <= set(_run(words).split())


def _run(environment: dict[str, str], *arguments: str) -> str:
    program = "import sys; from cli.app import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )
    assert done.stderr == ""
    return done.stdout
