"""The upstream that all contenders read: pages encoded beforehand, so that its own work weighs little.

`GET /erp/products?page=1&per_page=500[&updated_since=…]` answers `{"data": […], "total": …, "page": …}`;
`POST /control {"dataset": "changed", "latency_seconds": 0.02}` switches what is served, and answers what a right table
then holds: `{"items": …, "stock": …}`.
"""

import argparse
import asyncio
from functools import cache

import msgspec
from aiohttp import web

from benchmarks.dataset import PAGE_SIZE, Dataset, Products

__all__ = ["TOKEN", "Order", "Served"]

TOKEN = "benchmark-token"  # noqa: S105 - opens pages of made up products
_LOOPBACK = "127.0.0.1"


class Order(msgspec.Struct, kw_only=True):
    """The body of `POST /control`."""

    dataset: Dataset = Dataset.BASE
    latency_seconds: float = 0


class Served(msgspec.Struct, kw_only=True):
    """What is served now: a right table has so many rows, with this sum of stock."""

    items: int
    stock: int


class _Shop:
    def __init__(self, items: int) -> None:
        self._items = items
        self._latency_seconds = 0.0
        self._dataset = Dataset.BASE
        self._products = cache(self._made)
        self._pages = cache(self._encoded)
        self._products(Dataset.BASE)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/erp/products", self._list)
        app.router.add_post("/control", self._switch)
        return app

    def _made(self, dataset: Dataset) -> Products:
        match dataset:
            case Dataset.BASE:
                return Products.base(self._items)
            case Dataset.CHANGED:
                return self._products(Dataset.BASE).changed(dataset)
            case Dataset.AGAIN:
                return self._products(Dataset.CHANGED).changed(dataset)

    def _encoded(self, dataset: Dataset, since: str, size: int) -> list[bytes]:
        products = self._products(dataset)
        rows = products.since(since) if since else products.rows
        places = range(0, len(rows) + size, size)  # the last one is empty, and serves all pages past the end
        return [_body(rows[place : place + size], len(rows), number) for number, place in enumerate(places, 1)]

    async def _list(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized
        query = request.query
        number, size = int(query.get("page", "1")), min(int(query.get("per_page", "100")), PAGE_SIZE)
        pages = self._pages(self._dataset, query.get("updated_since", ""), size)
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        body = pages[min(number, len(pages)) - 1]
        return web.Response(body=body, content_type="application/json")

    async def _switch(self, request: web.Request) -> web.Response:
        order = msgspec.json.decode(await request.read(), type=Order)
        self._dataset, self._latency_seconds = order.dataset, order.latency_seconds
        products = self._products(order.dataset)
        self._pages(order.dataset, "", PAGE_SIZE)
        served = Served(items=len(products.rows), stock=products.stock)
        return web.Response(body=msgspec.json.encode(served), content_type="application/json")


def _body(rows: list[bytes], total: int, number: int) -> bytes:
    return b'{"data":[%b],"total":%d,"page":%d}' % (b",".join(rows), total, number)


async def _serve(items: int) -> None:
    runner = web.AppRunner(_Shop(items).app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, _LOOPBACK, 0)
    await site.start()
    print(f"http://{_LOOPBACK}:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    asyncio.run(_serve(parser.parse_args().items))
