"""The knobs: what `/sandbox/…` answers. They are never struck by faults, and never logged."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.answers import RefusedError, json_answer, read_json
from sandbox.fault_book import FaultBook
from sandbox.faults import AnyFault
from sandbox.requests_log import RequestLog


def register_controls(app: web.Application, *, faults: FaultBook, log: RequestLog) -> None:
    """Add the routes that order faults and read the log."""
    faults.check_with(_known_path(app))
    knobs = _Knobs(faults, log)
    app.router.add_get("/sandbox/health", knobs.health)
    app.router.add_post("/sandbox/faults", knobs.order_fault)
    app.router.add_get("/sandbox/faults", knobs.show_faults)
    app.router.add_delete("/sandbox/faults", knobs.clear_faults)
    app.router.add_delete(r"/sandbox/faults/{id:\d+}", knobs.remove_fault)
    app.router.add_get("/sandbox/requests", knobs.show_requests)
    app.router.add_get("/sandbox/requests/count", knobs.count_requests)
    app.router.add_delete("/sandbox/requests", knobs.clear_requests)


class _Knobs:
    def __init__(self, faults: FaultBook, log: RequestLog) -> None:
        self._faults = faults
        self._log = log

    async def health(self, _request: web.Request) -> web.Response:
        return json_answer({"status": "ok", "requests": self._log.count()})

    async def order_fault(self, request: web.Request) -> web.Response:
        try:
            order = self._faults.order(await read_json(request))
        except ValueError as error:
            raise RefusedError(422, f"{error}.") from error
        return json_answer(order.as_json(), status=201)

    async def show_faults(self, _request: web.Request) -> web.Response:
        return json_answer({"faults": [order.as_json() for order in self._faults.orders()]})

    async def clear_faults(self, _request: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def remove_fault(self, request: web.Request) -> web.Response:
        order_id = int(request.match_info["id"])
        if not self._faults.remove(order_id):
            raise RefusedError(404, f"There is no fault {order_id}.")
        return web.Response(status=204)

    async def show_requests(self, request: web.Request) -> web.Response:
        entries = self._log.entries(**_wanted(request))
        return json_answer({"requests": [entry.as_json() for entry in entries]})

    async def count_requests(self, request: web.Request) -> web.Response:
        return json_answer({"count": self._log.count(**_wanted(request))})

    async def clear_requests(self, _request: web.Request) -> web.Response:
        self._log.clear()
        return web.Response(status=204)


def _wanted(request: web.Request) -> dict[str, Any]:
    status = request.query.get("status")
    if status is not None and not status.isdecimal():
        raise RefusedError(400, f"`status` must be a number, not {status!r}.")
    return {"path": request.query.get("path"), "status": None if status is None else int(status)}


def _known_path(app: web.Application) -> Callable[[AnyFault], None]:
    """Refuses a fault on a path that no upstream serves: it would never strike, and nobody would know."""

    def check(fault: AnyFault) -> None:
        if "*" in fault.path or any(_serves(route, fault.path) for route in app.router.resources()):
            return
        raise ValueError(f"`path` {fault.path!r} is served by no upstream (a pattern may hold `*`)")

    return check


def _serves(resource: web.AbstractResource, path: str) -> bool:
    info = resource.get_info()
    pattern = info.get("pattern")
    return info.get("path") == path or (pattern is not None and pattern.fullmatch(path) is not None)
