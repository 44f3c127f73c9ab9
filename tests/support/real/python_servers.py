"""Real APIs of PyPI: Django REST framework, Kinto, Datasette, pygeoapi and PocketBase, each with a list of things."""

import json
import os
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx

from support.real.process import free_port, running
from support.real.things import Created, Row, Things, opened

__all__ = ["datasette", "django", "kinto", "pocketbase", "pygeoapi", "pygeoapi_is_installed"]

_SCRIPTS = Path(sysconfig.get_path("scripts"))
_OWN = Path(sys.prefix) / "servers" / "bin"
"""The environment of servers that cannot share ours; `make test` makes it."""
_HERE = Path(__file__).parent


class Rest(Created):
    """Things that are created by POST and changed by PATCH, where the server makes the ids."""

    def __init__(self, api: httpx.Client, path: str, *urls: str) -> None:
        self.urls = tuple(f"{str(api.base_url).rstrip('/')}/{url}" for url in urls)
        self._api, self._path = api, path
        self._ids: dict[int, str] = {}

    def create(self, number: int, name: str) -> None:
        self._ids[number] = str(self._api.post(self._path, json={"name": name}).json()["id"])

    def rename(self, number: int, name: str) -> None:
        self._api.patch(self._place(number), json={"name": name})

    def delete(self, number: int) -> None:
        self._api.delete(self._place(number))

    def _place(self, number: int) -> str:
        slash = "/" if self._path.endswith("/") else ""
        return f"{self._path.rstrip('/')}/{self._ids[number]}{slash}"


@contextmanager
def django(folder: Path) -> Generator[Things]:
    """Django REST framework, in its four ways of paging; 40 a page."""
    port = free_port()
    command = [sys.executable, str(_HERE / "django_things.py"), str(port), str(folder / "things.db")]
    with running(command, ready="listening", folder=folder), opened(f"http://127.0.0.1:{port}") as api:
        yield Rest(api, "/plain/", "page/", "offset/", "cursor/", "plain/")


class Kinto(Created):
    def __init__(self, api: httpx.Client, path: str) -> None:
        self.urls = (f"{str(api.base_url).rstrip('/')}{path}",)
        self._api, self._path = api, path

    def create(self, number: int, name: str) -> None:
        self._api.put(self._place(number), json={"data": {"name": name}})

    rename = create

    def delete(self, number: int) -> None:
        self._api.delete(self._place(number))

    def _place(self, number: int) -> str:
        return f"{self._path}/{uuid5(NAMESPACE_URL, str(number))}"


_KINTO = """
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.userid_hmac_secret = only-for-this-test
kinto.bucket_create_principals = system.Everyone
kinto.bucket_write_principals = system.Everyone
kinto.bucket_read_principals = system.Everyone
kinto.paginate_by = 40
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = INFO
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(message)s
"""


@contextmanager
def kinto(folder: Path) -> Generator[Things]:
    """Kinto in memory; 40 a page, the next one in the header Next-Page, no total."""
    port = free_port()
    (folder / "kinto.ini").write_text(_KINTO.format(port=port))
    command = [str(_SCRIPTS / "kinto"), "start", "--ini", "kinto.ini", "--port", str(port)]
    with running(command, ready="Serving on", folder=folder), opened(f"http://127.0.0.1:{port}/v1") as api:
        for place in ("/buckets/shop", "/buckets/shop/collections/things"):
            api.put(place, json={})
        yield Kinto(api, "/buckets/shop/collections/things/records")


class Datasette(Created):
    """Things in a SQLite file that is changed behind the server's back, as its users do."""

    def __init__(self, database: Path, base: str) -> None:
        self.urls = tuple(f"{base}/things/things.json{query}" for query in ("", "?_shape=objects", "?_shape=array"))
        self._database = database

    def create(self, number: int, name: str) -> None:
        self._execute("INSERT INTO things VALUES (?, ?, ?)", number, name, "ab"[number % 2])

    def rename(self, number: int, name: str) -> None:
        self._execute("UPDATE things SET name = ? WHERE id = ?", name, number)

    def delete(self, number: int) -> None:
        self._execute("DELETE FROM things WHERE id = ?", number)

    def _execute(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self._database)) as connection, connection:
            connection.execute(statement, values)


@contextmanager
def datasette(folder: Path) -> Generator[Things]:
    """Datasette, whose rows are lists of values unless it is asked for objects; 100 a page, with suggested facets."""
    port, database = free_port(), folder / "things.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, kind TEXT)")
    command = [str(_SCRIPTS / "datasette"), "serve", database.name, "-h", "127.0.0.1", "-p", str(port)]
    with running(command, ready="Uvicorn running", folder=folder):
        yield Datasette(database, f"http://127.0.0.1:{port}")


def pygeoapi_is_installed() -> bool:
    """Whether it can be started.

    Raises:
        RuntimeError: it is missing on continuous integration, where nobody would notice tests that are not run.
    """
    there = (_OWN / "pygeoapi").exists()
    if not there and os.environ.get("CI"):
        raise RuntimeError("pygeoapi is missing: `make test` installs it")
    return there


class Features:
    """Things in a GeoJSON file that pygeoapi reads."""

    def __init__(self, file: Path, base: str) -> None:
        self.urls = (f"{base}/collections/things/items?f=json", f"{base}/collections/things/items")
        self._file = file
        self._names: dict[int, str] = {}

    def fill(self, names: Mapping[int, str]) -> None:
        self._names |= names
        self._write()

    def create(self, number: int, name: str) -> None:
        self.fill({number: name})

    rename = create

    def delete(self, number: int) -> None:
        del self._names[number]
        self._write()

    def name_of(self, row: Row) -> str:
        return str(row["properties"]["name"])

    def _write(self) -> None:
        point = {"type": "Point", "coordinates": [8.5, 47.25]}
        features = [
            {"type": "Feature", "id": number, "geometry": point, "properties": {"name": name, "rank": number}}
            for number, name in self._names.items()
        ]
        self._file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


@contextmanager
def pygeoapi(folder: Path) -> Generator[Things]:
    """OGC API Features, by pygeoapi; 20 a page, never more than 50, its links in a list."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    (folder / "config.yml").write_text(json.dumps(_geo_config(port, base)))
    env = {"PYGEOAPI_CONFIG": "config.yml", "PYGEOAPI_OPENAPI": "openapi.yml"}
    program = str(_OWN / "pygeoapi")
    things = Features(folder / "things.geojson", base)
    things.fill({0: "the fields are read from it"})
    make = [program, "openapi", "generate", "config.yml", "--output-file", "openapi.yml"]
    subprocess.run(make, cwd=folder, env=os.environ | env, check=True, capture_output=True, timeout=120)
    things.delete(0)
    with running([program, "serve", "--flask"], ready="Running on", folder=folder, env=env):
        yield things


def _geo_config(port: int, base: str) -> dict[str, Any]:
    who = {"name": "nobody", "url": base}
    about = {"title": "t", "description": "d", "keywords": ["k"], "keywords_type": "theme", "terms_of_service": base}
    provider = {"type": "feature", "name": "GeoJSON", "data": "things.geojson", "id_field": "id"}
    everywhere = {"bbox": [-180, -90, 180, 90], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    things = {"title": "things", "description": "d", "keywords": ["k"], "links": [], "extents": {"spatial": everywhere}}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": base,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 20, "max_items": 50},
            "map": {"url": base, "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {**about, "url": base},
            "license": who,
            "provider": who,
            "contact": {"name": "nobody"},
        },
        "resources": {"things": {"type": "collection", **things, "providers": [provider]}},
    }


@contextmanager
def pocketbase(folder: Path) -> Generator[Things]:
    """PocketBase; 30 a page."""
    program, place = str(_SCRIPTS / "pocketbase"), ["--dir", str(folder / "pb")]
    who = {"identity": "admin@example.org", "password": "only-for-this-test"}
    subprocess.run([program, "superuser", "upsert", *who.values(), *place], check=True, capture_output=True, timeout=60)
    address = f"127.0.0.1:{free_port()}"
    serve = [program, "serve", "--http", address, *place]
    with running(serve, ready="Server started", folder=folder), opened(f"http://{address}") as api:
        login = api.post("/api/collections/_superusers/auth-with-password", json=who)
        api.headers["Authorization"] = login.json()["token"]
        fields = [{"name": "name", "type": "text"}, {"name": "price", "type": "number"}]
        api.post("/api/collections", json={"name": "things", "type": "base", "listRule": "", "fields": fields})
        yield Rest(api, "/api/collections/things/records", "api/collections/things/records")
