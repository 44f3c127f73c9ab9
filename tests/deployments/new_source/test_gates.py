"""What `syncline new` and `syncline db revision` write passes the project's own gates, whatever the API looks like."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.json_server import Answer, serving

from deployments.new_source.credentials import Given
from deployments.new_source.writing import Project, Wanted, plan
from syncline.settings import Settings

ROOT = Path(__file__).parents[3]
Rows = list[dict[str, Any]]
Query = Mapping[str, str]
COUNT, SIZE = 45, 20
PYTHONS = ["class", "def", "None", "match", "self", "list", "int", "str", "print", "field", "copy", "json", "date"]
OURS = [
    "source",
    "account_id",
    "synced_at",
    "fingerprint",
    "status",
    "rest",
    "Item",
    "Field",
    "Retry",
    "Mode",
    "Upstream",
]
PYDANTICS = [
    "metadata",
    "registry",
    "model_dump",
    "model_validate_2",
    "model_name",
    "model_config",
    "__table__",
    "_own",
]
ODD = [
    *(
        "größe",
        "日本",
        "ノート",
        "\u017f",
        "\u0131 key",
        "model\uff21",
        "\u210c",
        "emoji😀",
        "1st",
        "a-b",
        "a.b",
        "A_B",
        "aB",
        "AB",
        "$ref",
        "%",
        "",
    ),
    *("if", "It's", 'say "q"', "back\\slash", "tab\t", " lead", "select", "order", "x" * 200, "w " * 90),
    *("see http://x.example/" + "z" * 150, "two " * 20 + "http://x.example/" + "z" * 90),
]


def paged(rows: Rows, query: Query) -> object:
    page = int(query.get("page", "1"))
    return {"data": rows[(page - 1) * SIZE : page * SIZE], "total": len(rows)}


def offset(rows: Rows, query: Query) -> object:
    start = int(query.get("offset", "0"))
    return {"items": rows[start : start + min(SIZE, int(query.get("limit", SIZE)))], "total": len(rows)}


def cursor(rows: Rows, query: Query) -> object:
    start = int(query.get("cursor", "0"))
    following = str(start + SIZE) if start + SIZE < len(rows) else None
    return {"results": rows[start : start + SIZE], "next_cursor": following}


def link(rows: Rows, query: Query) -> object:
    start = int(query.get("from", "0"))
    return {
        "list": rows[start : start + SIZE],
        "links": {"next": f"?from={start + SIZE}" if start + SIZE < len(rows) else None},
    }


def keyset(rows: Rows, query: Query) -> object:
    found = [row for row in rows if row["id"] > int(query.get("after", "0"))]
    return {"rows": found[:SIZE], "has_more": len(found) > SIZE}


def deep(rows: Rows, query: Query) -> object:
    del query
    return {"result": {"payload": {"entries": rows}}}


def wide_row(number: int) -> dict[str, Any]:
    """300 columns, of each type, with names of many lengths."""
    kinds = [number / 3, f"t{number}", True, None, {"a": 1}, [1], "2026-01-02", number * 10**12, "2026-01-02T03:04:05Z"]
    return {"id": number + 1, **{f"column_{at:03}_{'x' * (at % 40)}": kinds[at % 9] for at in range(300)}}


def nested_row(number: int) -> dict[str, Any]:
    changed = f"2026-01-02T03:{number:02}:00Z"
    own: dict[str, Any] = {
        "uuid": f"u{number:04}",
        "user": {"name": "a", "address": {"city": "b"}},
        "tags": [],
        "modifiedAt": changed,
    }
    return own | {"amount": number * 1.25, "mixed": number if number % 2 else "x", "maybe": None}


def named_row(number: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        **dict.fromkeys([*PYTHONS, *OURS, *PYDANTICS], f"v{number}"),
        "updated_at": "2026-01-02T03:04:05Z",
    }


def odd_row(number: int) -> dict[str, Any]:
    return {"key": f"k{number:03}", **dict.fromkeys(ODD, number), "price": number / 4, "big": 10**25 + number}


def short_row(number: int) -> dict[str, Any]:
    return {"id": number + 1, "n": "x"}


LONG = "long/" + "p" * 150
SHAPES: dict[str, tuple[str, Callable[[Rows, Query], object], Callable[[int], dict[str, Any]], str, Given]] = {
    "manies": ("manies", paged, wide_row, "", Given()),
    "keywords": ("keywords", offset, named_row, "?filter[a]=b&x=it's", Given()),
    "oddities": ("oddities", cursor, odd_row, "", Given(token="T" * 40)),
    "nesteds": ("nesteds", link, nested_row, "", Given(user="u", password="p")),
    "shorts": ("shorts", keyset, short_row, "", Given(header="X-Api-Key", token="tok")),
    "deeps": ("deeps", deep, nested_row, "?q=a&q=b&q=c", Given()),
    "a_source_whose_name_is_as_long_as_it_may": (
        LONG,
        paged,
        short_row,
        "?" + "&".join(f"p{n}=v{n}" for n in range(30)),
        Given(),
    ),
    "news": ("news", lambda rows, _: rows, short_row, "", Given()),
}
EXTRA = """
    price: Decimal | None = Field(default=None, sa_type=Amount)
    when: datetime | None = Field(default=None, index=True)
    parts: Any = Field(default=None, sa_type=JsonColumn, nullable=True)
    token: str | None = Field(default=None, sa_type=NumberText)
    camelCase: str | None = Field(default=None, max_length=40)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, which a test may write to."""
    folder = tmp_path / "copy"
    for room in ("cli", "deployments", "flows", "syncline", "tasks", "requirements"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("prefect.yaml", "pyproject.toml", "tests/house.py"):
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    (folder / ".venv").symlink_to(sys.prefix)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def write_sources(copy: Path) -> list[str]:
    """Look at an API of each shape, and write its source; returns the files."""
    project = Project(flows=copy / "flows", prefect_yaml=copy / "prefect.yaml", env=copy / ".env")

    def answering(name: str) -> Callable[[Query, Mapping[str, str]], Answer]:
        _, form, row, _, _ = SHAPES[name]
        rows = [row(number) for number in range(COUNT)]
        return lambda query, _: (200, form(rows, query))

    with serving({f"/v1/{path}": answering(name) for name, (path, *_) in SHAPES.items()}) as base:
        for name, (path, _, _, query, given) in SHAPES.items():
            url = f"{base}/v1/{path}{query}"
            plan(Wanted(name=name, url=url, given=given, every_seconds=60), project, Settings()).write()
    plan(Wanted(name="parts", given=Given(), every_seconds=3600), project, Settings()).write()
    return [f"flows/{name}.py" for name in (*SHAPES, "parts")]


def run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SYNCLINE_", "PREFECT_"))}
    env = kept | {"PYTHONPATH": str(copy), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=copy, env=env, capture_output=True, text=True, timeout=600, check=False
    )


def refused(copy: Path, written: list[str]) -> list[str]:
    """What the gates say of these files."""
    types = run(copy, "basedpyright", "--pythonpath", sys.executable, *written)
    said = [
        run(copy, "ruff", "check", "--no-cache", "--quiet", "--output-format=concise", *written).stdout,
        run(copy, "ruff", "format", "--no-cache", "--diff", "--force-exclude", *written).stdout,
        "" if "0 errors, 0 warnings" in types.stdout else types.stdout + types.stderr,
    ]
    counted = [line for line in run(copy, "tests.house").stdout.splitlines() if not line.endswith("(this one passes)")]
    return [*filter(None, said), *(line for line in counted if line.startswith(tuple(written)))]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_written_passes_the_projects_gates(copy: Path) -> None:
    """A user's `make check` fails over a line of ours as over one of theirs, and tells them nothing."""
    written = write_sources(copy)
    assert run(copy, "cli.main", "db", "upgrade").returncode == 0
    parts, wide = copy / "flows" / "parts.py", copy / "flows" / "manies.py"
    as_written = {path: path.read_text() for path in (parts, wide)}
    parts.write_text(changed(parts.read_text()))
    assert (
        run(copy, "ruff", "check", "--no-cache", "--select", "I", "--fix", str(parts)).returncode == 0
    )  # `make format`
    assert run(copy, "ruff", "format", "--no-cache", str(parts)).returncode == 0
    wide.write_text(re.sub(r"\n    column_[01].*", "", wide.read_text()))
    revised = run(copy, "cli.main", "db", "revision", "-m", 'Things\' "changed" \u017f \\ and\né')
    assert revised.returncode == 0, revised.stderr
    (migration,) = (path for path in re.findall(r"written: (\S+\.py);", revised.stdout))
    assert run(copy, "cli.main", "db", "upgrade").returncode == 0
    kept = [path.with_name(f"{path.stem}_as_written.py") for path in as_written]
    for path, text in zip(kept, as_written.values(), strict=True):
        path.write_text(text)
    assert refused(copy, [*written, *(str(Path(path).relative_to(copy)) for path in (migration, *kept))]) == []


def changed(module: str) -> str:
    """The skeleton with a column of each further type, as a user would write it."""
    lines = "from datetime import datetime\nfrom decimal import Decimal\nfrom typing import Any\n\nfrom sqlmodel"
    types = "import Amount, BigInt, JsonColumn, NumberText"
    column = "    name: str | None = None\n"
    assert column in module
    module = module.replace("from sqlmodel", lines, 1).replace("import BigInt", types, 1)
    return module.replace(column, column + EXTRA.lstrip("\n"))
