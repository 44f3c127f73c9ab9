import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from deployments.schedules.file import read_deployments
from flows.registry import entries, find, flow_of, names, read_folder, sources, sources_with_dataset
from syncline.errors import ConfigurationError, UnknownSourceError

GOOD = """
    from dataclasses import replace
    import flows.products as shop
    from syncline.model.session import Tally
    from tasks.flow import sync_flow

    PARTS = replace(shop.PRODUCTS, name="parts")

    @sync_flow(PARTS)
    async def sync_parts() -> Tally:
        return Tally()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of flows of the test's own."""
    name = f"flows_{tmp_path.name.replace('-', '_')}"
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield package
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


def test_every_file_with_a_source_is_found_with_its_flow() -> None:
    """Adding a source is adding a file; nothing else lists them."""
    assert {"customers", "products"} <= set(names())
    assert find("products") in sources_with_dataset()
    assert all(one in sources() for one in sources_with_dataset())
    assert flow_of("products").name == "sync-products"


def test_an_unknown_source_is_told_with_those_that_there_are() -> None:
    """A typing error is mended at a glance."""
    with pytest.raises(UnknownSourceError, match=r"'product'; there are: .*products"):
        find("product")


def test_sources_and_deployments_match_one_to_one() -> None:
    """A source that nothing starts, or a deployment that starts nothing, is a mistake."""
    deployed = {deployment.source: deployment.entrypoint for deployment in read_deployments()}
    assert deployed == {name: entry.entrypoint for name, entry in entries().items()}


def test_a_users_own_file_is_found(folder: Path) -> None:
    """What it imports from other files stays theirs."""
    (folder / "parts.py").write_text(dedent(GOOD))
    found = read_folder(folder, folder.name)
    assert list(found) == ["parts"]
    assert found["parts"].entrypoint == f"{folder.name}.parts.sync_parts"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("import nonsense_that_is_not_there", r"broken\.py cannot be loaded: ModuleNotFoundError: No module named"),
        ("def (:", r"broken\.py cannot be loaded: SyntaxError"),
        (dedent(GOOD).partition("@sync_flow")[0], r"broken\.py declares the source 'parts', but no flow"),
    ],
)
def test_a_broken_file_is_named(folder: Path, text: str, complaint: str) -> None:
    """One line that says which file and what, instead of a traceback through the loader."""
    (folder / "broken.py").write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        read_folder(folder, folder.name)


def test_two_files_with_the_same_source_are_refused(folder: Path) -> None:
    """They would take each other's lease and checkpoint."""
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(dedent(GOOD))
    with pytest.raises(ConfigurationError, match=r"one\.sync_parts and .*two\.sync_parts"):
        read_folder(folder, folder.name)


@pytest.mark.parametrize("name", ["twitterPoller", "validateEntries", "fastDeleteSweep", "freezeCoordinator"])
def test_the_names_of_the_contest_documents_are_understood(name: str) -> None:
    """Scripts that ask for `twitterPoller` find our `twitter_poller`, and the health endpoints show it so."""
    found = find(name)
    assert found.shown_as == name
    assert found.name != name
    assert flow_of(name).name == f"sync-{found.name}"


def test_an_alias_that_is_anothers_name_is_refused(folder: Path) -> None:
    """`syncline stop NAME` would stop one of the two, and one cannot say which."""
    (folder / "one.py").write_text(dedent(GOOD))
    other = dedent(GOOD).replace('name="parts"', 'name="screws", aliases=("parts",)').replace("PARTS", "SCREWS")
    (folder / "two.py").write_text(other)
    with pytest.raises(
        ConfigurationError, match="'parts' is an alias of the source 'screws', but also a name of 'parts'"
    ):
        read_folder(folder, folder.name)


def test_an_alias_that_is_no_word_is_refused() -> None:
    """It stands in URLs and on the command line."""
    with pytest.raises(ConfigurationError, match="an alias is letters, digits and underscores"):
        replace(find("products"), aliases=("the products",))
