"""The help of every command, and the completion of the shell."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, get_type_hints

import pytest

from cli.app import entries
from cli.declarations import declared
from cli.lazy_group import Entry
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]

NAMES = [(), *((entry.name,) for entry in entries() if not entry.passes_on)]
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


@pytest.mark.parametrize("words", NAMES[1:], ids=" ".join)
def test_help_loads_nothing_that_does_the_work(words: tuple[str, ...], home: Path) -> None:
    """It needs the signature of a command alone, and so does a mistyped option."""
    program = (
        "import sys; from contextlib import suppress; from cli.app import run\n"
        "with suppress(SystemExit): run([*sys.argv[1:], '--help'])\n"
        "heavy = {'pydantic_settings', 'sqlalchemy', 'prefect'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_a_declaration_is_that_of_the_function_which_does_the_work(entry: Entry) -> None:
    """What is read from the file and what is imported from it take the same arguments."""
    if entry.function == "app":
        read, done = (made().registered_commands for made in _both(entry.module, "app"))
        pairs = [(one.callback, other.callback) for one, other in zip(read, done, strict=True)]
        assert [one.name for one in read] == [one.name for one in done]
    else:
        pairs = [_both(entry.module, entry.function)]
    for one, other in pairs:
        assert one is not None
        assert other is not None
        assert _shape(one) == _shape(other)
        assert inspect.getdoc(one) == inspect.getdoc(other)


def _both(module: str, function: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return declared(module, function), getattr(import_module(f"cli.{module}"), function)


def _shape(function: Callable[..., Any]) -> list[tuple[object, ...]]:
    """The parameters, without Typer's objects beside their types, which are made anew each time."""
    types = get_type_hints(function)
    known = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default, types[one.name]) for one in known]


def test_completion_of_the_shell_has_a_script_and_the_commands() -> None:
    """`syncline --install-completion` puts the script where the shell reads it."""
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # the tests need not be run from a shell
    script = _run(named, "--show-completion", "bash")
    assert "_SYNCLINE_COMPLETE" in script
    words = {"_SYNCLINE_COMPLETE": "complete_bash", "COMP_WORDS": "syncline st", "COMP_CWORD": "1"}
    assert {"status", "start", "stop"} <= set(_run(words).split())


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("syncline status prod", {"products"}),
        ("syncline explain p", {"points", "portfolios", "products"}),
        ("syncline history prod", {"products"}),
        ("syncline pause al", {"all"}),
        ("syncline status nosuch", set[str]()),
    ],
)
def test_the_shell_completes_sources(line: str, wanted: set[str], syncline: Syncline, store: Store) -> None:
    """Their names are what is typed most."""
    syncline("status")  # keeps what is declared
    assert set(_completed(line).split()) == wanted


@pytest.mark.parametrize("kept", [None, "", "[]", '{"sources": [1]}', '{"sources": null}'])
def test_completion_without_what_is_kept_says_nothing(kept: str | None, home: Path) -> None:
    """A shell would print the error in the middle of the line."""
    if kept is not None:
        home.mkdir()
        (home / "declared.json").write_text(kept, encoding="utf-8")
    assert _completed("syncline status prod") == ""


def test_completion_reads_no_settings(home: Path) -> None:
    """The shell waits for it at each press of the key."""
    program = (
        "import sys; from contextlib import suppress; from cli.main import run_here\n"
        "with suppress(SystemExit): run_here([])\n"
        "heavy = {'pydantic_settings', 'sqlalchemy', 'prefect'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | _words("syncline status prod"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def _completed(line: str) -> str:
    return _run(_words(line)).strip()


def _words(line: str) -> dict[str, str]:
    number = str(len(line.split()) - 1)
    return {"_SYNCLINE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": number}


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
