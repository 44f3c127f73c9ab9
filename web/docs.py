"""`/docs`: the API for people to read and try, by Swagger UI; its files come from a package, none from elsewhere."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse
from swagger_ui_bundle import swagger_ui_path

from web.api.openapi import as_3_0

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_OWN = Path(__file__).parent / "static"
_CACHED = {"Cache-Control": "public, max-age=86400"}
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""No script but those files; Swagger UI writes styles into its elements."""


@router.get("/docs", response_class=FileResponse)
def show() -> FileResponse:
    """The page."""
    return FileResponse(_OWN / "docs.html", headers={"Content-Security-Policy": _CSP})


@router.get("/docs/openapi.json")
def read_schema(request: Request) -> JSONResponse:
    """The document /openapi.json, in the version of OpenAPI that the page understands."""
    return JSONResponse(as_3_0(request.app.openapi()))


@router.get("/docs/{name}", response_class=FileResponse)
def read_file(name: str) -> FileResponse:
    """A file that the page needs."""
    path = _files().get(name)
    if path is None:
        raise HTTPException(404, "there is no such file; /docs is the page")
    return FileResponse(path, headers=_CACHED)


@cache
def _files() -> Mapping[str, Path]:
    """What is served, by name; of the package only what the page asks for."""
    bundled = ("swagger-ui.css", "swagger-ui-bundle.js")
    return {"docs.js": _OWN / "docs.js", **{name: Path(swagger_ui_path) / name for name in bundled}}
