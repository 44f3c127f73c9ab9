"""A look that is run by a fork is the same as one that runs by itself."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from support.instance import eventually
from support.looks import BY_FORK, BY_ITSELF, NOT_FORKED, look_env, look_server, typed, warmly
from support.terminal import terminal

from cli.forked_look import LOOKS, exit_code
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.store import audit, sessions
from syncline.store.engine import Store

pytestmark = pytest.mark.slow

BEGAN = datetime.now(UTC) - timedelta(days=3, hours=5)
"""So long ago that two looks at it say the same."""
COMMANDS = [
    "status",
    "status products",
    "status products --json",
    "status --debug prodcts",
    "status --nonsense",
    "history",
    "history products --json --limit 1",
    "history --status nonsense",
    "history show products-0",
    "history show",
    "explain products",
    "explain",
    "metrics",
    "metrics products --json",
    "rejects products",
    "rejects",
    "audit",
    "audit --json",
    "sources",
    "sources --json",
]
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "narrow": {"COLUMNS": "60"},
    "coloured": {"FORCE_COLOR": "1", "TERM": "xterm-256color"},
    "another encoding": {"PYTHONIOENCODING": "ascii:replace"},
    "another time zone": {"TZ": "Asia/Kathmandu"},
    "a wrong setting": {"SYNCLINE_WEB_PORT": "many"},
    "a mistyped setting": {"SYNCLINE_WEBPORT": "8081"},
    "no database": {"SYNCLINE_DATABASE_URL": "sqlite:///nowhere.db"},
    "another home": {"SYNCLINE_HOME": "elsewhere"},
    "a traceback": {"SYNCLINE_DEBUG": "1", "SYNCLINE_DATABASE_URL": "nonsense"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A state folder with a past, whose path is longer than a socket's may be."""
    folder = tmp_path_factory.mktemp("looks") / ("long" * 30)
    folder.mkdir(mode=0o700)
    shutil.copy(sqlite_template, folder / "syncline.db")
    store = Store(f"sqlite:///{folder / 'syncline.db'}")
    with store.write() as connection:
        for number, status in enumerate((Status.COMPLETED, Status.FAILED, Status.SKIPPED)):
            sessions.insert_session(connection, _session(number, status))
        audit.record(connection, actor="cli:ann", action="start", target="products", now=BEGAN)
    store.close()
    return folder


@pytest.fixture(scope="module")
def env(home: Path) -> Iterator[dict[str, str]]:
    """The environment of a user of the instance, for which a fork server listens."""
    made = look_env(home)
    with look_server(home):
        typed(BY_ITSELF, "status", env=made, cwd=home.parent)  # makes what both ways find
        yield made


def _session(number: int, status: Status) -> SyncSession:
    return SyncSession(
        id=f"products-{number}",
        source="products",
        trigger=Trigger.SCHEDULE,
        mode=Mode.FULL,
        status=status,
        reason="Überlauf 東京",
        started_at=BEGAN,
        completed_at=BEGAN + timedelta(seconds=80),
        items_processed=4_540,
    )


def _both(*words: str, env: dict[str, str], cwd: Path) -> tuple[tuple[int, bytes, bytes], ...]:
    """What came of the command each way: exit code, output and errors, but for the present instant.

    By itself it runs as a new interpreter would, but for how that writes, which is settled as it starts.
    """
    by_fork = typed(BY_FORK, *words, env=env, cwd=cwd)
    if by_fork.returncode == NOT_FORKED:  # the machine is busy: the fork has not answered in time
        by_fork = eventually(lambda: _unless(NOT_FORKED, typed(BY_FORK, *words, env=env, cwd=cwd)), "answer of a fork")
    needs_interpreter = "PYTHONIOENCODING" in env
    by_itself = partial(typed, BY_ITSELF) if needs_interpreter else warmly
    found = (by_fork, by_itself(*words, env=env, cwd=cwd))
    return tuple((one.returncode, re.sub(rb'"at": "[^"]+"', b'"at": now', one.stdout), one.stderr) for one in found)


def _unless(code: int, done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes] | None:
    return None if done.returncode == code else done


def test_every_look_is_in_the_table() -> None:
    """One that is not would be run in a way that nothing compares."""
    assert {command.split()[0] for command in COMMANDS} == LOOKS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_fork_says_what_the_command_says_by_itself(command: str, env: dict[str, str], home: Path) -> None:
    """Output, errors and exit code are read by people and by scripts; neither may notice who ran it."""
    by_fork, by_itself = _both(*command.split(), env=env, cwd=home.parent)
    assert by_fork == by_itself


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_fork_goes_by_the_environment_of_its_caller(name: str, env: dict[str, str], home: Path) -> None:
    """The fork server began with another one, and perhaps for another instance."""
    found = {**env, **ENVIRONMENTS[name]}
    if name == "another home":
        other = home.parent / "elsewhere"
        other.mkdir(exist_ok=True)
        other.joinpath("looks.sock").unlink(missing_ok=True)
        other.joinpath("looks.sock").symlink_to(home / "looks.sock")
    by_fork, by_itself = _both("history", env=found, cwd=home.parent)
    assert by_fork == by_itself


def test_a_fork_reads_the_settings_of_the_callers_folder(env: dict[str, str], home: Path, tmp_path: Path) -> None:
    """A line of `.env` is said by its file and number, also where it names the home."""
    tmp_path.joinpath(".env").write_text(f"SYNCLINE_HOME={home}\nSYNCLINE_WEB_PORT=many\n", encoding="utf-8")
    del (own := dict(env))["SYNCLINE_HOME"]
    by_fork, by_itself = _both("status", env=own, cwd=tmp_path)
    assert by_fork == by_itself
    assert b".env, line 2" in by_fork[2]


@pytest.mark.parametrize("words", ["status", "history products"])
def test_a_fork_writes_to_the_callers_terminal(words: str, env: dict[str, str], home: Path) -> None:
    """Its width and its colours are the terminal's."""
    told: list[str] = []
    own = {name: value for name, value in env.items() if name != "COLUMNS"} | {"TERM": "xterm-256color"}
    for way in (BY_FORK, [*BY_ITSELF]):
        switch = {} if way is BY_FORK else {"SYNCLINE_FORK_LOOKS": "false"}
        with terminal([*way, *words.split()], env=own | switch, folder=home.parent) as shown:
            code = shown.process.wait(timeout=120)
        told.append(f"{code}: {shown.text}")
    assert told[0] == told[1]


def test_a_closed_pipe_ends_a_fork_as_it_ends_the_command(env: dict[str, str], home: Path) -> None:
    """`syncline audit --json | head -1` is how people look at the first line."""
    told: list[tuple[int, bytes]] = []
    for way in (BY_FORK, BY_ITSELF):
        for words in (["history", "--json"], ["history"]):
            switch = {} if way is BY_FORK else {"SYNCLINE_FORK_LOOKS": "false"}
            process = subprocess.Popen(
                [*way, *words], env=env | switch, cwd=home.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            with process.stderr:
                told.append((process.wait(timeout=120) or 0, process.stderr.read()))
    assert told[:2] == told[2:]


def test_what_changes_something_is_never_forked() -> None:
    """A fork ends with the terminal that asked for it."""
    assert exit_code(["sync", "products"]) is None
    assert exit_code(["breaker", "reset", "products"]) is None
    assert exit_code([]) is None


def test_a_look_imports_nothing_that_takes_long(env: dict[str, str], home: Path) -> None:
    """It is the point of the fork."""
    program = (
        "import sys; from cli.forked_look import exit_code; code = exit_code(['history'])\n"
        "heavy = {'typer', 'rich', 'pydantic', 'sqlalchemy', 'httpx', 'asyncio', 'dataclasses'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=home.parent, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
