"""The shape of WordPress's API: totals in headers, 400 behind the last page, text within objects, local times."""

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from support.real.things import Row, Things

__all__ = ["word_press"]

_MOST = 100
_FIRST = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


class Posts:
    """Things as posts; the newest first."""

    def __init__(self) -> None:
        self.urls: tuple[str, ...] = ()
        self._posts: dict[int, dict[str, Any]] = {}
        self._changes = 0

    def fill(self, names: Mapping[int, str]) -> None:
        for number, name in names.items():
            self.create(number, name)

    def create(self, number: int, name: str) -> None:
        self._changes += 1
        at = _FIRST + timedelta(minutes=self._changes)
        local = at + timedelta(hours=2)
        self._posts[number] = {
            "id": number,
            "title": {"rendered": name},
            "modified": f"{local:%Y-%m-%dT%H:%M:%S}",
            "modified_gmt": f"{at:%Y-%m-%dT%H:%M:%S}",
            "_links": {"self": [{"href": f"/wp-json/wp/v2/posts/{number}"}]},
        }

    rename = create

    def delete(self, number: int) -> None:
        del self._posts[number]

    def name_of(self, row: Row) -> str:
        return str(row["title"]["rendered"])

    def answer(self, url: str) -> tuple[int, dict[str, str], object]:
        """What the path and query of `url` are answered with: a status, headers and a body."""
        query = dict(parse_qsl(urlsplit(url).query))
        page, size = int(query.get("page", "1")), int(query.get("per_page", "10"))
        posts = sorted(self._posts.values(), key=lambda post: -post["id"])
        pages = -(-len(posts) // size)
        if size > _MOST:
            return 400, {}, {"code": "rest_invalid_param", "message": "Invalid parameter(s): per_page"}
        if page > max(1, pages):
            return 400, {}, {"code": "rest_post_invalid_page_number", "message": "no such page"}
        told = {"X-WP-Total": str(len(posts)), "X-WP-TotalPages": str(pages)}
        if page < pages:
            after = urlencode({**query, "page": page + 1})
            told["Link"] = f'<{self.urls[0]}?{after}>; rel="next"'
        return 200, told, posts[(page - 1) * size : page * size]


@contextmanager
def word_press(folder: Path) -> Generator[Things]:
    """Serve posts on a free port."""
    del folder
    posts = Posts()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = posts.answer(self.path)
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json; charset=UTF-8"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    posts.urls = (f"http://127.0.0.1:{server.server_address[1]}/wp-json/wp/v2/posts",)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield posts
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
