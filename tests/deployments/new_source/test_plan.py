"""A look at real servers, and what is planned from it."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from support.json_server import Answer, serving

import sandbox
from deployments.new_source.credentials import Given
from deployments.new_source.writing import Plan, Project, Wanted, plan
from deployments.schedules.file import default_path
from syncline.errors import (
    BudgetSpentError,
    ConfigurationError,
    RefusedError,
    RejectedError,
    SynclineError,
    UnavailableError,
)
from syncline.model.upstream import Auth, Upstream
from syncline.settings import Settings, UpstreamSettings

ROOT = Path(__file__).parents[3]
ODD = [
    {
        "key": f"k{number:03}",
        "class": "a",
        "date": "2026-01-02" if number % 2 else None,
        "due": "2026-02-01",
        "xmin": number / 3,
        "price": number / 4,
        "2fa": True,
        "metadata": {"n": number},
        "synced_at": "now",
        "größe": number,
        'say "it\'s"\n': "x",
        "long name " * 9: 1,
        "updated_at": f"2026-01-02T03:{number:02}:00Z",
    }
    for number in range(30)
]


def _odd(query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    """Pages of at most 20, for those who know the word."""
    if "Bearer word" not in {headers.get("authorization"), f"Bearer {query.get('api_key')}"}:
        return 401, {"error": "who are you?"}
    page, size = int(query.get("page", "1")), min(20, int(query.get("limit", "20")))
    return 200, {"data": ODD[(page - 1) * size : page * size], "total": len(ODD), "page": page, "limit": size}


def _always(body: object) -> Callable[[Mapping[str, str], Mapping[str, str]], Answer]:
    def answer(query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        return 200, body

    return answer


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Servers of many kinds."""
    paths = {
        "/odd": _odd,
        "/text": _always("hello"),
        "/empty": _always({"items": []}),
        "/scalars": _always({"things": [1, 2]}),
        "/keyless": _always([{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "z"}]),
        "/alike": _always([{"a": 1}, {"a": 1}]),
    }
    with serving(paths) as base:
        yield base


@pytest.fixture(scope="module")
def box() -> Iterator[sandbox.Box]:
    """The simulated ERP."""
    with sandbox.serving(products=250, customers=1500) as served:
        yield served


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project without sources."""
    (tmp_path / "flows").mkdir()
    yaml = tmp_path / "prefect.yaml"
    yaml.write_bytes(default_path().read_bytes())
    return Project(flows=tmp_path / "flows", prefect_yaml=yaml, env=tmp_path / ".env")


def _plan(project: Project, url: str | None, *, key: str | None = None, known: str | None = None, **given: str) -> Plan:
    """A plan for `things`; `known` is where the ERP is."""
    wanted = Wanted(name="things", url=url, key=key, given=Given(**given), every_seconds=60)
    erp = UpstreamSettings.model_validate({"base_url": known, "token": "the ERP's"})
    return plan(wanted, project, Settings(upstreams={"erp": erp} if known else {}))


def _checked(module: str, folder: Path) -> None:
    """The lint and the formatter of the project have nothing to say."""
    path = folder / "things.py"
    path.write_text(module)
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", str(path)]
    known = ["--config", 'lint.isort.known-first-party=["flows", "syncline", "tasks"]']
    extra = ["--ignore", "INP001"]  # the test's folder is no package
    for command in (["check", "--output-format=concise", *known, *extra], ["format", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *config], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_odd_api_becomes_a_file_that_the_lint_accepts(url: str, project: Project, tmp_path: Path) -> None:
    """Names that Python, pydantic, SQL or the file itself have already are given others, with an alias."""
    made = _plan(project, f"{url}/odd?kind=a%20b", token="word")
    _checked(made.module, tmp_path)
    for line in (
        "    key: str = Field(primary_key=True, sa_type=KeyText)",
        '    class_: str = Field(alias="class")',
        '    date_: date | None = Field(default=None, alias="date")',
        "    due: date",
        '    xmin_: float = Field(alias="xmin")',
        "    price: Decimal = Field(sa_type=Amount)",
        '    metadata_: Any = Field(default=None, alias="metadata", sa_type=JsonColumn, nullable=True)',
        '    synced_at_: str = Field(alias="synced_at")',
        "    updated_at: datetime = Field(index=True)",
        '            paging=PageNumber(page="page", size="limit", page_size=100),',
        '            params={"kind": "a b"},',
    ):
        assert line in made.module.split("\n")


def test_where_only_some_items_were_seen_any_field_may_be_empty(box: sandbox.Box, project: Project) -> None:
    """What the first page never lacks, the hundredth may; its items would be rejected."""
    made = _plan(project, f"{box.url}/erp/customers", token=box.token)
    assert "of 1,500 items were looked at" in made.module
    assert "# - that `id` tells all items apart was seen of " in made.module
    assert "    city: str | None = None" in made.module.split("\n")
    assert 'updated_since="updated_since"' in made.module
    assert 'updated_field="updated_at"' in made.module


def test_a_field_whose_name_cannot_be_read_is_left_out_and_named(url: str, project: Project) -> None:
    """A file that cannot be loaded, or a column less without a word, would both be worse."""
    made = _plan(project, f"{url}/odd", token="word")
    (doubt,) = (doubt for doubt in made.doubts if "left out" in doubt)
    assert 'say "it' in doubt
    assert "# - the field" in made.module


def test_an_api_that_another_source_reads_is_the_same_upstream(box: sandbox.Box, project: Project) -> None:
    """It has one budget and one place for its credentials."""
    erp = UpstreamSettings.model_validate({"base_url": box.url, "token": box.token})
    wanted = Wanted(name="things", url=f"{box.url}/erp/products", given=Given(), every_seconds=60)
    made = plan(wanted, project, Settings(upstreams={"erp": erp}))
    assert "from syncline.erp import ERP\n" in made.module
    assert "upstream=ERP," in made.module
    assert (made.shared, dict(made.added)) == ("erp", {})


def test_of_several_upstreams_at_one_host_the_nearest_is_shared(box: sandbox.Box, project: Project) -> None:
    """A feed beside the ERP has a budget of its own, and must not be sent the ERP's token."""
    erp = UpstreamSettings.model_validate({"base_url": box.url, "token": box.token})
    quests = UpstreamSettings.model_validate({"base_url": f"{box.url}/feeds/quests/"})
    wanted = Wanted(name="things", url=f"{box.url}/feeds/quests/quests", given=Given(), every_seconds=60)
    made = plan(wanted, project, Settings(upstreams={"erp": erp, "quests": quests}))
    assert (made.shared, dict(made.added)) == ("quests", {})
    assert "from flows.quests import QUESTS\n" in made.module
    assert "upstream=QUESTS.upstream," in made.module
    assert 'path="/quests",' in made.module


def test_a_look_keeps_to_the_budget_that_the_upstream_has_already(tmp_path: Path, project: Project) -> None:
    """X answers ten requests in a quarter of an hour, no matter who asks: a look must not earn the next run a 429."""
    asked = 0

    def answer(query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        nonlocal asked
        asked += 1
        start = int(query.get("start", "0"))
        return 200, {"data": ODD[start : start + 10], "start": start}

    with serving({"/2/users/7/mentions": answer}) as base:
        x = UpstreamSettings.model_validate({"base_url": base, "token": "the X's"})
        wanted = Wanted(name="things", url=f"{base}/2/users/7/mentions", given=Given(), every_seconds=60)
        settings = Settings(home=tmp_path, upstreams={"x": x})
        made = plan(wanted, project, settings)
        assert made.shared == "x"
        assert any("slow down" in doubt or "not reached" in doubt for doubt in made.doubts)
        with pytest.raises(BudgetSpentError, match="x:mentions is spent until"):
            plan(wanted, project, settings)
    assert asked == 10


def test_other_credentials_make_another_upstream(url: str, project: Project) -> None:
    """A token that was given is used, also where the host is known."""
    made = _plan(project, f"{url}/odd", known=url, token="word")
    assert made.shared is None
    assert isinstance(made.draft.upstream, Upstream)


def test_a_credential_in_the_url_goes_into_a_setting(url: str, project: Project) -> None:
    """The file is committed and shared; `.env` is not."""
    made = _plan(project, f"{url}/odd?kind=x&api_key=word")
    assert isinstance(made.draft.upstream, Upstream)
    assert (made.draft.upstream.auth, made.draft.upstream.auth_name) == (Auth.QUERY, "api_key")
    assert "word" not in made.module + made.entry + repr(made)
    assert made.added == {
        "SYNCLINE_UPSTREAMS__THINGS__BASE_URL": url,
        "SYNCLINE_UPSTREAMS__THINGS__TOKEN": "word",
    }


def test_everything_is_written_where_it_belongs(url: str, project: Project) -> None:
    """The file, the schedule and the settings."""
    _plan(project, f"{url}/odd", token="word").write()
    assert ast.parse((project.flows / "things.py").read_text())
    assert "entrypoint: flows.things.sync_things" in project.prefect_yaml.read_text()
    assert f"SYNCLINE_UPSTREAMS__THINGS__BASE_URL={url}\n" in project.env.read_text()
    assert project.env.stat().st_mode & 0o077 == 0


def test_without_a_url_there_is_something_to_edit(project: Project, tmp_path: Path) -> None:
    """It is valid as it stands, and says which setting it needs."""
    made = _plan(project, None)
    _checked(made.module, tmp_path)
    assert made.unset == ("SYNCLINE_UPSTREAMS__THINGS__BASE_URL",)


@pytest.mark.parametrize(
    ("path", "error", "complaint"),
    [
        ("/odd", RefusedError, r"refused us \(401\): give --token T .* or --user U and --password P"),
        ("/text", UnavailableError, "answers no JSON"),
        ("/empty", RejectedError, "an empty list"),
        ("/scalars", RejectedError, "no list of objects; it has things"),
        ("/gone", RejectedError, "404"),
        ("/keyless", ConfigurationError, "name one with --key; these could be: b"),
        ("/alike", ConfigurationError, "no field can tell the items apart"),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_is_written(
    path: str, error: type[SynclineError], complaint: str, url: str, project: Project
) -> None:
    """One line says what to do next."""
    with pytest.raises(error, match=complaint):
        _plan(project, url + path)
    assert list(project.flows.iterdir()) == []
    assert not project.env.exists()


def test_the_user_may_name_the_key(url: str, project: Project) -> None:
    """Where the items do not show it, or show another."""
    assert "    b: str = Field(primary_key=True, sa_type=KeyText)\n" in _plan(project, f"{url}/keyless", key="b").module
    with pytest.raises(ConfigurationError, match="--key zz: the items have no such field"):
        _plan(project, f"{url}/keyless", key="zz")
    with pytest.raises(ConfigurationError, match="--key a: two items were seen with the same value there"):
        _plan(project, f"{url}/keyless", key="a")


@pytest.mark.parametrize(
    ("url", "given", "complaint"),
    [
        ("ftp://127.0.0.1/x", {}, "must begin with http"),
        ("things", {}, "must begin with http"),
        ("http://[::1/x", {}, "is no URL"),
        ("http://anna:hunter2@127.0.0.1/x", {}, "must not contain credentials"),
        ("http://127.0.0.1/x", {"header": "X-Key"}, "--header names where the token goes"),
        ("http://127.0.0.1/x", {"user": "anna"}, "go together"),
        ("http://127.0.0.1/x", {"token": "a", "user": "b", "password": "c"}, "not both"),
        ("http://127.0.0.1/x", {"token": "hunter2\n2"}, "must be a line of text"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    url: str, given: dict[str, str], complaint: str, project: Project
) -> None:
    """Before anything is asked, and without a secret in the message."""
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        _plan(project, url, **given)
    assert "hunter2" not in str(caught.value)


def test_an_address_that_is_set_already_is_not_changed(url: str, project: Project) -> None:
    """The source would be asked somewhere else than where it was looked at."""
    things = UpstreamSettings(base_url="http://127.0.0.1:1")
    wanted = Wanted(name="things", url=f"{url}/keyless", key="b", given=Given(), every_seconds=60)
    with pytest.raises(ConfigurationError, match=r"THINGS__BASE_URL is http://127\.0\.0\.1:1 already"):
        plan(wanted, project, Settings(upstreams={"things": things}))
