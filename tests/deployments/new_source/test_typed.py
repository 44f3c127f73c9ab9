"""`syncline new`, as a user types it: in a copy of the project, from the look to the changed table."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import create_engine, text
from support import warm
from support.instance import Instance
from support.json_server import Answer, serving

ROOT = Path(__file__).parents[3]
TOKEN = "a word that nobody else knows"
Typed = Callable[..., CompletedProcess[str]]


class Shop:
    """An API with 45 things, by pages of at most 20, for those who know the token."""

    def __init__(self) -> None:
        self.things: list[dict[str, object]] = [
            {
                "id": number,
                "class": "a",
                "date": "2026-01-02" if number % 2 else None,
                "price": number / 4,
                "ratio": number / 7,
                "tags": ["new", "größe"],
                "model_name": f"M{number}",
                "checked": f"2026-01-02T03:{number:02}:00Z",
            }
            for number in range(45)
        ]

    def answer(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        if headers.get("x-shop-key") != TOKEN:
            return 401, {"error": "who are you?"}
        start, count = int(query.get("skip", "0")), min(20, int(query.get("take", "20")))
        return 200, {"things": self.things[start : start + count], "total": len(self.things), "skip": start}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    """Where the things are."""
    with serving({"/v1/things": shop.answer}) as base:
        yield f"{base}/v1/things"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, which a test may write to."""
    folder = tmp_path / "copy"
    for room in ("cli", "deployments", "flows", "syncline", "tasks"):
        shutil.copytree(ROOT / room, folder / room)
    for file in ("prefect.yaml", "pyproject.toml"):
        shutil.copy(ROOT / file, folder)
    return folder


@pytest.fixture
def typed(copy: Path) -> Typed:
    """Runs `syncline` there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SYNCLINE_", "PREFECT_"))}

    def run(*arguments: str, **env: str) -> CompletedProcess[str]:
        own = {"PYTHONPATH": str(copy), "COLUMNS": "200", "SYNCLINE_PREFECT_PORT": "1"}
        return warm.run("-m", "cli.main", *arguments, env=kept | own | env, cwd=copy)

    return run


def _contents(folder: Path) -> dict[str, bytes]:
    """What may be written: everything but the instance's state and compiled files."""
    files = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in files if not {"__pycache__", ".syncline"} & {*path.parts})
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def _insert(file: Path, before: str, line: str) -> None:
    """Put a line in front of another."""
    content = file.read_text()
    assert content.count(before) == 1
    file.write_text(content.replace(before, f"{line}\n{before}"))


def test_a_look_writes_nothing_where_it_is_only_a_look(typed: Typed, url: str, copy: Path) -> None:
    """`--dry-run` shows the file and the schedule, and no secret."""
    before = _contents(copy)
    done = typed(
        "new", "things", "--url", url, "--token-env", "WORD", "--header", "X-Shop-Key", "--dry-run", WORD=TOKEN
    )
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("45 items at `things`", "key `id` (int)", "class Thing(Item, table=True):", "flow_name: sync-things"):
        assert part in done.stdout
    assert TOKEN not in done.stdout
    assert _contents(copy) == before


def test_who_is_not_known_is_told_how_to_sign(typed: Typed, url: str, copy: Path) -> None:
    """One line with the options that give credentials; nothing is written."""
    before = _contents(copy)
    done = typed("new", "things", "--url", url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "refused us (401): give --token T" in done.stderr
    assert _contents(copy) == before


def test_a_skeleton_can_be_loaded_as_it_is(typed: Typed) -> None:
    """What is to be edited should not break the other sources."""
    done = typed("new", "parts", "--every", "1h")
    assert "added to  prefect.yaml: parts, every 1h" in done.stdout
    assert "SYNCLINE_UPSTREAMS__PARTS__BASE_URL" in done.stdout
    assert "parts" in typed("sources").stdout
    assert "flows/parts.py is there already" in typed("new", "parts").stderr


@pytest.fixture
def here(calm: Instance, copy: Path, database_url: str) -> dict[str, str]:
    """An instance of the copy's own, whose runs are seen by a Prefect server that is there already."""
    return calm.beside(copy / ".syncline") | {"SYNCLINE_DATABASE_URL": database_url}


@pytest.mark.slow
def test_a_source_runs_as_written_and_gains_a_column(
    typed: Typed, shop: Shop, url: str, copy: Path, here: dict[str, str]
) -> None:
    """The promise: a source in five minutes, and a table that follows when the source is changed."""
    done = typed("new", "things", "--url", url, "--token", TOKEN, "--header", "X-Shop-Key", **here)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout
    file = copy / "flows" / "things.py"
    assert "45 created" in typed("sync", "things", **here).stdout
    assert "45 unchanged" in typed("sync", "things", **here).stdout
    assert "nothing to write" in typed("db", "revision", "-m", "nothing", **here).stdout

    for thing in shop.things:
        thing["colour"] = f"colour {thing['id']}"
    _insert(file, "    tags: Any", "    colour: str | None = None")
    assert "the table things lacks the column colour" in typed("sync", "things", **here).stderr
    assert "written: " in typed("db", "revision", "-m", "Things have colours", **here).stdout
    assert typed("db", "upgrade", **here).returncode == 0
    assert "45 updated" in typed("sync", "things", **here).stdout
    engine = create_engine(here["SYNCLINE_DATABASE_URL"])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT colour FROM things WHERE id = 44")).scalar() == "colour 44"
    engine.dispose()

    fresh = {"SYNCLINE_DATABASE_URL": f"sqlite:///{copy.parent / 'fresh.db'}"}
    assert "tables made: things" in typed("db", "upgrade", **fresh).stdout
    assert "nothing to write" in typed("db", "revision", "-m", "nothing", **fresh).stdout
