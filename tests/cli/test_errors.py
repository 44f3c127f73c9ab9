"""Whatever goes wrong is one line on stderr, and an exit code."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import typer
from sqlalchemy import text

from cli.errors import explain
from syncline.errors import ConfigurationError, NewerDatabaseError
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]
READING = [["status"], ["history"], ["metrics"], ["rejects", "products"], ["audit"]]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_reading_before_the_first_start_says_what_to_run(arguments: list[str], syncline: Syncline, home: Path) -> None:
    """An empty database made by looking would hide that nothing was ever set up."""
    done = syncline(*arguments)
    assert done.returncode == 1
    assert done.stderr == (
        "syncline: there is no database at home/syncline.db yet: run `syncline up`, or `syncline db upgrade`\n"
    )
    assert not home.exists()


def test_a_database_that_lacks_migrations_is_named_with_its_remedy(syncline: Syncline, home: Path) -> None:
    """A missing table's name would tell its user nothing."""
    home.mkdir()
    (home / "syncline.db").touch()
    done = syncline("audit")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "run `syncline db upgrade`" in done.stderr


def test_a_database_of_a_newer_program_is_refused(syncline: Syncline, store: Store) -> None:
    """Writing to tables that the program does not know could destroy what is in them."""
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    done = syncline("history")
    assert done.returncode == 1
    assert "upgrade the program" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SYNCLINE_WEB_PORT", "eighty"),
        ("SYNCLINE_PREFECT_PORT", "0"),
        ("SYNCLINE_DATABASE_URL", "mysql://root:hunter2@db/x"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line_that_names_it(
    variable: str, value: str, syncline: Syncline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader must learn which variable to mend, and no secret may be shown."""
    monkeypatch.setenv(variable, value)
    done = syncline("audit")
    assert done.returncode == 2
    assert done.stderr.startswith(f"syncline: {variable}")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


def test_a_state_folder_that_cannot_be_made_is_named(
    syncline: Syncline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only disk is found out at the first start, by anyone who set the folder."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "file" / "home"))
    done = syncline("sync", "products")
    assert done.returncode == 2
    assert done.stderr == f"syncline: SYNCLINE_HOME {tmp_path}/file/home cannot be made: Not a directory\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sink"], "No such command 'sink'"),
        (["sync"], "Missing argument 'SOURCE'"),
        (["sync", "products", "--mode", "half"], "Invalid value for '--mode'"),
        (["history", "--limit", "0"], "Invalid value for '--limit'"),
        (["history", "--status", "lost"], "--status 'lost' is no status; there are: running, completed"),
        (["start", "products", "--every", "soon"], "--every 'soon' is no duration"),
        (["start", "products", "--every", "10s"], "--every must lie between 1m and 7d"),
        (["pause", "products", "--reason", "x", "--for", "1"], "--for '1' is no duration"),
        (["pause", "products"], "Missing option '--reason'"),
        (["pause", "products", "--reason", "  "], "--reason must say why"),
        (["token", "--for", "0s"], "--for must lie between"),
        (["db", "revision"], "Missing option '--message'"),
        (["history", "no_such_source"], "no source is named 'no_such_source'"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_mistake(
    arguments: list[str], words: str, syncline: Syncline, store: Store
) -> None:
    """A box of usage text would bury it."""
    done = syncline(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("change x"), 2),
        (NewerDatabaseError("too new"), 1),
        (RuntimeError("surprise"), 1),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_have_exit_codes_that_scripts_can_tell_apart(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cron job must know whether to try again, to call for help, or to mend its settings."""
    assert explain(error, debug=False) == code
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_without_words_is_explained_by_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty red line would be worse than a traceback."""
    explain(NewerDatabaseError(), debug=False)
    assert "upgrade the program, not the database" in capsys.readouterr().err


@pytest.mark.parametrize("asked_by", ["option", "variable"])
def test_the_traceback_is_shown_to_who_asks_for_it(
    asked_by: str, syncline: Syncline, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone who hunts a fault needs its place, wherever on the line they ask."""
    if asked_by == "variable":
        monkeypatch.setenv("SYNCLINE_DEBUG", "1")
    done = syncline("audit", *(["--debug"] if asked_by == "option" else []))
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("syncline: there is no database")


@pytest.mark.parametrize("arguments", [[], ["db"]])
def test_a_command_that_only_groups_others_lists_them(arguments: list[str], syncline: Syncline) -> None:
    """Somebody who types the bare name wants to know what there is."""
    done = syncline(*arguments)
    assert done.returncode == 0
    assert "upgrade" in done.stdout
    assert done.stderr == ""
