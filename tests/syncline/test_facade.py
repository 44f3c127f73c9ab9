"""What `from syncline import …` gives: all that a file in `flows/` needs."""

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import syncline
from syncline import contests, erp, listings

ROOT = Path(__file__).parents[2]


PACKAGES = [syncline, contests, erp, listings]


@pytest.mark.parametrize(("package", "name"), [(one, name) for one in PACKAGES for name in one.__all__])
def test_each_name_is_there(package: ModuleType, name: str) -> None:
    """A name that is listed and cannot be had would be found by users."""
    assert getattr(package, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_told_to_type_checkers_is_what_is_loaded(package: Any) -> None:  # noqa: ANN401 - a module's own names
    """The two lists of modules would drift apart."""
    tree = ast.parse(Path(package.__file__).read_text())
    told = {
        (one.module, name.name)
        for block in tree.body
        if isinstance(block, ast.If)
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for name in one.names
    }
    loaded = {(module, name) for module, names in package._MODULES.items() for name in names}
    assert told == loaded
    assert sorted(name for _, name in loaded) == sorted(package.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module: `from syncline import Sorce` names the mistake."""
    with pytest.raises(ImportError, match="Sorce"):
        exec("from syncline import Sorce")  # noqa: S102 - the statement is the point


def test_the_package_alone_loads_nothing_else() -> None:
    """A look at the database would pay for the HTTP client."""
    code = "import syncline, sys; print([m for m in sys.modules if m.startswith(('syncline.', 'httpx', 'sqlalchemy'))])"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "['syncline.facade']"


def test_files_of_flows_need_no_other_module() -> None:
    """What else there is may move, and users' own files would break."""
    asked = {
        (file.name, one.module)
        for file in (ROOT / "flows").glob("*.py")
        if file.name not in {"registry.py", "prune_history.py", "drain_jobs.py", "__init__.py"}
        for one in ast.walk(ast.parse(file.read_text()))
        if isinstance(one, ast.ImportFrom) and str(one.module).split(".")[0] in {"syncline", "tasks"}
    }
    ours = {"syncline", "tasks", *(f"syncline.{one}" for one in ("contests", "erp", "listings", "portfolios"))}
    assert {(file, module) for file, module in asked if module not in ours} == {("x.py", "tasks.context")}
