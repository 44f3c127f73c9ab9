"""The house's own rules, which no linter knows; `make check` runs them: a line for each finding, exit 1 if any counts.

Files are short, tests mirror the rooms, the lock files are in step with pyproject.toml, and nothing that is tracked
names this machine or the registry that its packages came from.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["locks", "machine_names", "main", "mirrors", "sizes", "too_long"]

LONGEST = 300
"""Lines that a Python file may have; migrations and data, such as the columns of a table, are as long as they are."""
LONG = 200
"""From here on it is said, and passes."""
_BESIDE_ROOMS = {"support"}
"""Folders of tests that mirror no room: what tests share."""
_LOCKS = {"run": (), "dev": ("dev",), "bench": ("dev", "bench"), "servers": ("servers",)}
"""Each lock file, and the dependency groups that it holds beside the project's own dependencies."""
_ALONE = frozenset({"servers"})
"""Lock files of an environment in which the project itself is not installed."""
_NAMES_OF_A_MACHINE = re.compile(
    r"""/(?:root|home/\w+)/(?!\.\.\.)\w         # a folder of somebody's
      | --(?:extra-)?index-url\s | \bhttps?://[^\s"']*?(?:pypi|pythonhosted|artifactory|nexus|devpi)[^\s"']*
    """,
    re.VERBOSE,
)
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def main(root: Path) -> int:
    """Check the tracked files below `root`; the number of findings that count."""
    files = _tracked(root)
    for path, lines in sizes(root, files):
        if LONG < lines <= LONGEST:
            _say(f"{path}: {lines} lines; {LONG} are enough (this one passes)")
    findings = [
        *too_long(sizes(root, files)),
        *mirrors(root, files),
        *locks(root),
        *machine_names(root, files),
    ]
    for finding in findings:
        _say(finding)
    return len(findings)


def sizes(root: Path, files: Iterable[Path]) -> list[tuple[Path, int]]:
    """Each Python file that is written by hand, and its number of lines."""
    ours = [path for path in files if path.suffix == ".py" and "migrations" not in path.parts]
    return [(path, _lines((root / path).read_text(encoding="utf-8"))) for path in ours]


def _lines(text: str) -> int:
    """The lines of a file, without those that declare columns: an API has as many fields as it has."""
    classes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef) and node.keywords)
    tables = (one for one in classes if any(keyword.arg == "table" for keyword in one.keywords))
    columns = [node for one in tables for node in one.body if isinstance(node, ast.AnnAssign)]
    return len(text.splitlines()) - sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in columns)


def too_long(measured: Iterable[tuple[Path, int]]) -> Iterator[str]:
    """Files that nobody reads to their end."""
    for path, lines in measured:
        if lines > LONGEST:
            yield f"{path}: {lines} lines; at most {LONGEST}"


def mirrors(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """Tests that stand where no room is: `tests/a/b/test_c.py` belongs to the folder `a/b`."""
    for path in files:
        inside = path.parts[1:-1]
        if path.parts[0] != "tests" or path.suffix != ".py" or not inside or inside[0] in _BESIDE_ROOMS:
            continue
        if not (root / Path(*inside)).is_dir():
            yield f"{path}: there is no room {'/'.join(inside)}"


def locks(root: Path) -> Iterator[str]:
    """Dependencies that a lock file lacks, or has in a version that pyproject.toml does not allow."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    for name, groups in _LOCKS.items():
        path = root / "requirements" / f"{name}.txt"
        locked = dict(_LOCKED.findall(path.read_text(encoding="utf-8")))
        versions = {canonicalize_name(package): version for package, version in locked.items()}
        wanted = [] if name in _ALONE else [*project["project"]["dependencies"]]
        for group in groups:
            wanted += project["dependency-groups"][group]
        for requirement in map(Requirement, wanted):
            version = versions.get(canonicalize_name(requirement.name))
            if version is None:
                yield f"requirements/{name}.txt: {requirement.name} is missing; run `make lock`"
            elif not requirement.specifier.contains(version, prereleases=True):
                yield f"requirements/{name}.txt: {requirement.name} {version} is not {requirement.specifier}"


def machine_names(root: Path, files: Iterable[Path]) -> Iterator[str]:
    """Lines that name a folder of somebody's, the one of this project, or a package registry."""
    names = re.compile(f"{_NAMES_OF_A_MACHINE.pattern} | {re.escape(str(root.resolve()))}\\b", re.VERBOSE)
    for path in files:
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for found in names.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{path}:{line}: names this machine or a registry: {found.group().strip()}"


def _tracked(root: Path) -> list[Path]:
    """What git tracks, or would: all that is not ignored and still there."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    return [Path(line) for line in listed if (root / line).is_file()]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(1 if main(Path(__file__).parents[1]) else 0)
