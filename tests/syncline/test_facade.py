"""What `from syncline import …` gives: all that a file in `flows/` needs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import syncline

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", syncline.__all__)
def test_each_name_is_there(name: str) -> None:
    """A name that is listed and cannot be had would be found by users."""
    assert getattr(syncline, name) is not None


def test_what_is_told_to_type_checkers_is_what_is_loaded() -> None:
    """The two lists of modules would drift apart."""
    tree = ast.parse((ROOT / "syncline" / "__init__.py").read_text())
    told = {
        (one.module, name.name)
        for block in tree.body
        if isinstance(block, ast.If)
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for name in one.names
    }
    loaded = {(module, name) for module, names in syncline._MODULES.items() for name in names}  # pyright: ignore[reportPrivateUsage]
    assert told == loaded
    assert sorted(name for _, name in loaded) == sorted(syncline.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module: `from syncline import Sorce` names the mistake."""
    with pytest.raises(ImportError, match="Sorce"):
        exec("from syncline import Sorce")  # noqa: S102 - the statement is the point


def test_the_package_alone_loads_nothing_else() -> None:
    """A look at the database would pay for the HTTP client."""
    code = "import syncline, sys; print([m for m in sys.modules if m.startswith(('syncline.', 'httpx', 'sqlalchemy'))])"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
