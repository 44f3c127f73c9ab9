"""The API against its own description: whatever a caller sends, with any credential, the answer is as described."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks  # pyright: ignore[reportUnknownVariableType] - partly untyped

from syncline.settings import Settings
from syncline.store.engine import Store
from web.tokens import Role, issue

MakeApp = Callable[[Settings, Store], FastAPI]

SECRETS = {name: f"a-secret-of-{name}-{'x' * 32}" for name in ("jwt_secret", "cron_secret", "internal_api_key")}
CREDENTIALS = ["none", "wrong", "user", "operator", "cron", "internal"]
EXAMPLES = 10
"""For each operation, of data that fits the description, and as many of other data; an operator sends all of it."""
FEWER = 4
"""So many of them are sent with each other credential too: drawing data takes far longer than an answer to it."""
BOUNDS = bounds(
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list[HealthCheck](HealthCheck),  # pyright: ignore[reportArgumentType] - an enum of its own kind
)
load_all_checks()
AS_DESCRIBED: Any = cast("Any", CHECKS).get_by_names(
    ["status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)
KNOWN = st.sampled_from([None, "products", "customers"])
"""A source that there is, in place of a drawn one."""


@pytest.fixture
def described(settings: Settings) -> Settings:
    given_: dict[str, Any] = {name: SecretStr(secret) for name, secret in SECRETS.items()}
    return settings.model_copy(update={**given_, "allowed_hosts": "testserver"})  # the name by which schemathesis calls


def header(settings: Settings, credential: str) -> dict[str, str]:
    """How a caller with this credential says who it is."""
    match credential:
        case "wrong":
            return {"Authorization": "Bearer wrong", "x-api-key": "wrong"}
        case "user" | "operator":
            token = issue(settings, "ann", timedelta(hours=1), role=Role(credential))
            return {"Authorization": f"Bearer {token}"}
        case "cron":
            return {"Authorization": f"Bearer {SECRETS['cron_secret']}"}
        case "internal":
            return {"x-api-key": SECRETS["internal_api_key"]}
        case _:
            return {}


@pytest.fixture
def apps(
    described: Settings, make_app: MakeApp, sqlite_store: Store, make_postgresql: Callable[[], str]
) -> Iterator[dict[str, list[FastAPI]]]:
    """By credential, an app on each kind of database: what is done with one credential is not seen with another."""
    store = Store(make_postgresql(), clock=sqlite_store.clock)
    yield {one: [make_app(described, store) for store in (sqlite_store, store)] for one in CREDENTIALS}
    store.close()


def operations(app: FastAPI) -> Iterator[Any]:
    schema: Any = schemathesis.openapi.from_asgi("/openapi.json", app)
    for found in schema.get_all_operations():
        yield found.ok()


def calls(settings: Settings, apps: dict[str, list[FastAPI]], *, drawn: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """With which credentials, and how, the case that is drawn as this one is sent."""
    for credential in CREDENTIALS:
        if credential == "operator" or drawn < FEWER:
            for app in apps[credential]:
                yield credential, {"headers": header(settings, credential), "app": app}


def statuses_of(
    operation: Any,  # noqa: ANN401 - schemathesis tells no type
    settings: Settings,
    apps: dict[str, list[FastAPI]],
    mode: GenerationMode,
) -> dict[str, set[int]]:
    """Call one operation with data of this kind; the statuses that came, by credential."""
    seen: dict[str, set[int]] = {credential: set() for credential in CREDENTIALS}
    drawn = count()

    @bounds(BOUNDS, max_examples=EXAMPLES)
    @given(case=operation.as_strategy(generation_mode=mode), source=KNOWN)
    def check(case: Any, source: str | None) -> None:  # noqa: ANN401 - untyped
        if source is not None and "source" in (case.path_parameters or {}):
            case.path_parameters["source"] = source
        for credential, how in calls(settings, apps, drawn=next(drawn)):
            answer = case.call(**how)
            assert answer.status_code < 500
            case.validate_response(answer, checks=AS_DESCRIBED)
            seen[credential].add(answer.status_code)

    with contextlib.suppress(Unsatisfiable):  # it takes no data that could be wrong
        check()
    return seen


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_every_answer_is_as_described(
    described: Settings, apps: dict[str, list[FastAPI]], mode: GenerationMode
) -> None:
    """A status, a type or a field that the description lacks is a false word; a 500 is a defect, on both databases."""
    seen = [statuses_of(one, described, apps, mode) for one in operations(apps["none"][0])]
    expected = {"none": 401, "wrong": 429, "user": 403, "operator": 422, "cron": 422, "internal": 422}
    for credential in CREDENTIALS:
        if mode is GenerationMode.POSITIVE:
            assert all(statuses[credential] for statuses in seen)
        else:
            assert any(expected[credential] in statuses[credential] for statuses in seen)
