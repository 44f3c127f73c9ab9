"""What is written takes every item that it was guessed from."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from sqlmodel import SQLModel
from support.json_server import Answer, serving

from deployments.new_source.credentials import Given
from deployments.new_source.writing import Plan, Project, Wanted, plan
from deployments.schedules.file import default_path
from syncline.model.items import table_of
from syncline.passes.codec import ItemCodec, Rejected
from syncline.settings import Settings

ODD = [
    b'{"id":%d,"wei":%d,"amount":12345678901234.%02d,"":"x","Name":"a","name":"b","select":1,"2nd":true,'
    b'"a.b":{"c":10000000000000000000000},"ratio":0.12345678901234567%02d,"at":"%s","none":null,"from":"%s"}'
    % (
        2**64 + n,
        n * 10**30,
        n,
        n,
        b"2026-01-02T03:04:05Z" if n else b"0001-01-01T00:00:00+01:00",  # the year 0 in UTC
        b"x" * n,
    )
    for n in range(60)
]


def _odd(query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    """Twenty a page."""
    start = int(query.get("offset", "0"))
    rows = ODD[start : start + min(20, int(query.get("limit", "20")))]
    return 200, f'{{"total": {len(ODD)}, "offset": {start}, "data": [{",".join(row.decode() for row in rows)}]}}'


def _with_nul(query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    return 200, {"total": 3, "data": [{"id": n, "name": "a\x00" if n == 1 else "a"} for n in range(3)]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving({"/odd": _odd, "/nul": _with_nul}) as base:
        yield base


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "flows").mkdir()
    yaml = tmp_path / "prefect.yaml"
    yaml.write_bytes(default_path().read_bytes())
    return Project(flows=tmp_path / "flows", prefect_yaml=yaml, env=tmp_path / ".env")


def _plan(project: Project, url: str) -> Plan:
    return plan(Wanted(name="oddities", url=url, given=Given(), every_seconds=60), project, Settings(upstreams={}))


def _codec(made: Plan, monkeypatch: pytest.MonkeyPatch) -> ItemCodec:
    """Of the table in the written file."""
    kept = [part for part in ast.parse(made.module).body if isinstance(part, ast.ImportFrom | ast.ClassDef)]
    needed = [part for part in kept if not (isinstance(part, ast.ImportFrom) and str(part.module).startswith("tasks"))]
    module = ModuleType("written_oddities")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names: Any = vars(module)
    exec(compile(ast.Module(body=list[ast.stmt](needed), type_ignores=[]), "written", "exec"), names)  # noqa: S102 - the file itself
    table: Any = names[made.draft.names.row]
    SQLModel.metadata.remove(table_of(table))
    return ItemCodec(table)


def test_sixty_of_sixty_odd_items_are_taken(url: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids and amounts beyond 64 bits, long money, an empty name, twins, words of SQL, a date before the calendar."""
    made = _plan(project, f"{url}/odd")
    codec = _codec(made, monkeypatch)
    keyed, rejected = codec.keys(ODD)
    decoded = [codec.decode(key, raw) for key, raw in keyed]
    assert [one.reason for one in (*rejected, *decoded) if isinstance(one, Rejected)] == []
    assert made.draft.guess.is_whole
    assert made.draft.guess.doubts == ()

    got = decoded[7]
    assert not isinstance(got, Rejected)
    values = dict(zip(codec.columns, got[0], strict=True))
    assert (values["id"], values["wei"], values["amount"]) == (str(2**64 + 7), str(7 * 10**30), "12345678901234.07")
    assert (values["ratio"], values["field"], values["a_b"]) == ("0.1234567890123456707", "x", {"c": 10**22})


def test_the_types_say_what_was_found(url: str, project: Project) -> None:
    """The file is read and edited by people."""
    lines = _plan(project, f"{url}/odd").module.split("\n")
    for line in (
        "    id: str = Field(primary_key=True, sa_type=NumberText)",
        "    wei: str = Field(sa_type=NumberText)",
        '    field: str = Field(alias="")',
        "    Name: str",
        '    name_2: str = Field(alias="name")',
        '    a_b: Any = Field(default=None, alias="a.b", sa_type=JsonColumn, nullable=True)',
        '    from_: str = Field(alias="from")',
        "    at: str",
    ):
        assert line in lines


def test_an_item_that_nothing_can_store_is_said_beforehand(url: str, project: Project) -> None:
    """It becomes a reject in every pass: anyone who reads the output knows why the session is partial."""
    made = _plan(project, f"{url}/nul")
    (doubt,) = made.doubts
    assert doubt.startswith("1 of 3 items cannot be stored as they are, and become rejects: a text contains")
    assert "# - 1 of 3 items cannot be stored" in made.module


def test_what_is_asked_for_repeatedly_stands_in_the_file(url: str, project: Project) -> None:
    """A dictionary would keep the last of them."""
    made = _plan(project, f"{url}/odd?status=open&status=closed")
    assert 'params=[("status", "open"), ("status", "closed")],' in made.module


def test_trying_the_class_leaves_no_trace(url: str, project: Project) -> None:
    """A table that nobody declared would be made by the next upgrade."""
    before = set(SQLModel.metadata.tables)
    modules = set(sys.modules)
    first = _plan(project, f"{url}/odd")
    assert first.module == _plan(project, f"{url}/odd").module
    assert set(SQLModel.metadata.tables) == before
    assert not [name for name in set(sys.modules) - modules if name.startswith("rehearsal")]
    assert msgspec.json.decode(first.draft.guess.sample[0])["id"] == 2**64
