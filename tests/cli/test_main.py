import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest

from cli import main
from cli.app import run
from syncline.store.engine import Store


@pytest.mark.parametrize("version", [(3, 10), (3, 8), (2, 7)])
def test_an_old_python_gets_one_clear_line(version: tuple[int, int]) -> None:
    """Without it, its user would meet a syntax error somewhere inside."""
    complaint = main.python_complaint(version, "/usr/bin/python3")
    assert complaint == f"Syncline needs Python 3.11 or newer, but /usr/bin/python3 is {version[0]}.{version[1]}"


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (4, 0)])
def test_a_new_enough_python_is_let_in(version: tuple[int, int]) -> None:
    """The check must not outlive its reason."""
    assert main.python_complaint(version, "/usr/bin/python3") is None


def test_help_loads_neither_prefect_nor_the_database() -> None:
    """They take seconds to load; `--help` must answer at once."""
    probe = (
        "import sys; from cli.app import run; code = run(['--help'])\n"
        "heavy = {'prefect', 'sqlalchemy', 'sqlmodel', 'pydantic', 'fastapi'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_looks_load_neither_prefects_client_nor_the_other_databases_driver(home: Path, store: Store) -> None:
    """Each costs every command a tenth of a second or more, and a look at SQLite needs none of them."""
    looks = [["status"], ["history"], ["explain", "products"]]
    probe = (
        f"import sys; from cli.main import run_here; [run_here(one) for one in {looks}]\n"
        "heavy = {'alembic', 'httpx', 'pendulum', 'prefect.client', 'psycopg'} & set(sys.modules)\n"
        "print(f'loaded {sorted(heavy)}')"
    )
    command = [sys.executable, "-c", probe]
    done = [subprocess.run(command, capture_output=True, text=True, timeout=60, check=False) for _ in range(2)]
    assert done[1].stdout.splitlines()[-1] == "loaded []"  # the first one loads flows/, and keeps what they declare


def test_the_installed_command_tells_its_version() -> None:
    """It is the first thing asked of anyone who reports a problem."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith(f"syncline {metadata.version('syncline')} (Prefect 3.")
    assert (done.returncode, done.stderr) == (0, "")


def test_help_breaks_where_the_terminal_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines of a docstring that are kept would be broken a second time, in the middle of a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    with suppress(SystemExit):
        run(["rounds", "freeze", "--help"])
    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    begin = next(n for n, line in enumerate(said) if line.startswith("Goes on where"))
    paragraph = said[begin : said.index("", begin)]
    assert min(map(len, paragraph[:-1])) > 60
