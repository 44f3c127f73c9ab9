import json
import re
from collections.abc import Callable

import httpx
import pytest

Call = Callable[..., httpx.Response]


def test_the_page_needs_nothing_from_elsewhere(call_sqlite: Call) -> None:
    """It works without a network, and sends nothing to other sites; its scripts are files, none in the page."""
    page = call_sqlite("GET", "/docs")
    assert page.status_code == 200
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/docs.js"} <= set(wanted)
    assert not [link for link in wanted if not link.startswith(("/", "data:"))]
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=", page.text)
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert {call_sqlite("GET", link).status_code for link in wanted if link.startswith("/")} == {200}


@pytest.mark.parametrize("name", ["swagger-ui.css", "swagger-ui-bundle.js", "docs.js"])
def test_its_files_are_kept_by_browsers(call_sqlite: Call, name: str) -> None:
    """They are the only answers that are: a megabyte of script is not fetched with each look."""
    answer = call_sqlite("GET", f"/docs/{name}")
    assert "max-age=86400" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Type"].startswith(("text/css", "text/javascript", "application/javascript"))


@pytest.mark.parametrize("name", ["index.html", "docs.html", "__init__.py", "..%2f..%2fdocs.py", "%2e%2e", "x"])
def test_no_other_file_is_served(call_sqlite: Call, name: str) -> None:
    """The package has more, and the folder above it all of ours."""
    assert call_sqlite("GET", f"/docs/{name}").status_code == 404


def test_the_page_reads_the_same_api_in_words_that_it_knows(call_sqlite: Call) -> None:
    """Swagger UI of this version knows OpenAPI 3.0, which has no type null; nothing may be lost on the way."""
    ours, shown = call_sqlite("GET", "/openapi.json").json(), call_sqlite("GET", "/docs/openapi.json").json()
    assert (ours["openapi"][:3], shown["openapi"]) == ("3.1", "3.0.3")
    assert {path: set(ours["paths"][path]) for path in ours["paths"]} == {
        path: set(shown["paths"][path]) for path in shown["paths"]
    }
    assert ours["components"]["schemas"].keys() == shown["components"]["schemas"].keys()
    text = json.dumps(shown)
    assert ('"null"' in text, '"const"' in text, '"nullable": true' in text) == (False, False, True)


def test_the_version_of_syncline_is_not_for_strangers(call_sqlite: Call) -> None:
    """It says which known faults to try."""
    assert call_sqlite("GET", "/openapi.json").json()["info"]["version"] == "1"


def test_each_operation_is_told_by_its_first_sentence(call_sqlite: Call) -> None:
    """The list of the page is read before anything is opened; names of functions say little there."""
    paths = call_sqlite("GET", "/openapi.json").json()["paths"]
    operations = {f"{method} {path}": one for path, methods in paths.items() for method, one in methods.items()}
    assert (
        operations["get /api/sources"]["summary"] == "All sources with their state, running session, holds and next run"
    )
    assert [name for name, one in operations.items() if one["summary"].istitle()] == []
    assert [name for name, one in operations.items() if "\n" in one["summary"] or len(one["summary"]) > 120] == []
