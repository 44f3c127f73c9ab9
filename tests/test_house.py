"""The house's rules find what they are there to find."""

from pathlib import Path

import house
import pytest

PROJECT = """
[project]
dependencies = ["alpha-one>=2,<3", "beta[extra]==1.5"]
[dependency-groups]
dev = ["gamma>=1"]
bench = ["delta"]
servers = ["epsilon>=5"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small project in which nothing is wrong."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements").mkdir()
    run = "alpha_one==2.4 \\\n    --hash=sha256:0\nbeta==1.5 ; python_version >= '3'\n"
    for name, more in {"run": "", "dev": "gamma==3\n", "bench": "gamma==3\ndelta==0.1\n"}.items():
        (tmp_path / "requirements" / f"{name}.txt").write_text(run + more)
    (tmp_path / "requirements" / "servers.txt").write_text("epsilon==5.1\n")
    return tmp_path


def test_a_project_in_step_has_no_findings(root: Path) -> None:
    """Names may be spelt with dashes or underscores, with extras and markers."""
    assert list(house.locks(root)) == []


@pytest.mark.parametrize(
    ("locked", "finding"),
    [
        ("alpha-one==2.4\n", "requirements/run.txt: beta is missing; run `make lock`"),
        ("alpha-one==3.0\nbeta==1.5\n", "requirements/run.txt: alpha-one 3.0 is not <3,>=2"),
    ],
)
def test_a_lock_file_that_is_behind_is_found(root: Path, locked: str, finding: str) -> None:
    """A dependency that was added or raised and not locked would be missing on a fresh machine."""
    (root / "requirements" / "run.txt").write_text(locked)
    assert list(house.locks(root)) == [finding]


def test_an_environment_of_its_own_needs_its_own_packages_only(root: Path) -> None:
    """Servers that cannot share our environment do not bring the project's dependencies along."""
    (root / "requirements" / "servers.txt").write_text("epsilon==4.9\n")
    assert list(house.locks(root)) == ["requirements/servers.txt: epsilon 4.9 is not >=5"]


def test_long_files_are_found_but_for_migrations(root: Path) -> None:
    """300 lines pass, 301 do not; a migration is as long as it is."""
    files = {"short.py": 300, "long.py": 301, "migrations/versions/1.py": 900, "data.txt": 900}
    for name, lines in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n" * lines)
    assert list(house.too_long(house.sizes(root, map(Path, files)))) == ["long.py: 301 lines; at most 300"]


def test_tests_without_a_room_are_found(root: Path) -> None:
    """Who looks for a room's tests finds them at the room's own path."""
    (root / "rooms" / "kitchen").mkdir(parents=True)
    names = ("rooms/kitchen/test_a.py", "rooms/cellar/test_b.py", "support/shop.py", "conftest.py")
    files = [Path("tests") / name for name in names]
    assert list(house.mirrors(root, files)) == ["tests/rooms/cellar/test_b.py: there is no room rooms/cellar"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("path = '" + "/ro" + "ot/project'", True),
        ("cd ROOT/rooms", True),
        ("get '/wo" + "rk/items' of an API", False),
        ("see " + "/ho" + "me/anna/project", True),
        ("--index-" + "url https://example.com/simple", True),
        ("https://files.python" + "hosted.org/packages/x.whl", True),
        ("https://mirror.example.com/artifact" + "ory/api", True),
        ("work/project, the root of all, at home", False),
        ("https://docs.example.com/", False),
    ],
)
def test_names_of_this_machine_are_found(root: Path, line: str, *, found: bool) -> None:
    """A project that was made on one machine runs on any."""
    (root / "file.txt").write_text(f"first\n{line.replace('ROOT', str(root))}\n")
    findings = list(house.machine_names(root, [Path("file.txt")]))
    assert [finding.startswith("file.txt:2: ") for finding in findings] == [True] * found


def test_files_that_are_no_text_are_passed_over(root: Path) -> None:
    """A picture names nothing."""
    (root / "picture.png").write_bytes(b"\x89PNG\xff")
    assert list(house.machine_names(root, [Path("picture.png")])) == []


def test_the_columns_of_a_table_are_data(root: Path) -> None:
    """An API with 300 fields makes a file of 300 columns; what else is written there counts."""
    columns = "    a: int = Field(\n        default=1,\n    )\n" * 200
    for name, keyword, lines in (
        ("table", "Item, table=True", 300),
        ("long", "Item, table=True", 301),
        ("no", "Item", 1),
    ):
        (root / f"{name}.py").write_text(f"class A({keyword}):\n{columns}" + "x\n" * (lines - 1))
    files = [Path(f"{name}.py") for name in ("table", "long", "no")]
    assert list(house.too_long(house.sizes(root, files))) == [
        "long.py: 301 lines; at most 300",
        "no.py: 601 lines; at most 300",
    ]
