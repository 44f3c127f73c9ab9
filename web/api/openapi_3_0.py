"""OpenAPI 3.1 rewritten as 3.0, the newest that the Swagger UI of our package reads."""

from typing import Any

__all__ = ["as_3_0"]

_NULL = {"type": "null"}


def as_3_0(schema: dict[str, Any]) -> dict[str, Any]:
    """The document `schema`, whose values FastAPI and pydantic wrote, for readers of version 3.0."""
    return {**_told(schema), "openapi": "3.0.3"}


def _told(value: Any) -> Any:  # noqa: ANN401 - JSON is untyped
    if isinstance(value, list):
        return [_told(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - the same
    if not isinstance(value, dict):
        return value
    told: dict[str, Any] = {key: _told(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType] - the same
    if _NULL in value.get("anyOf", ()):  # pyright: ignore[reportUnknownMemberType] - the same
        told |= _nullable([choice for choice in told.pop("anyOf") if choice != _NULL])
    if "const" in told:
        told["enum"] = [told.pop("const")]
    return told


def _nullable(choices: list[Any]) -> dict[str, Any]:
    """One of `choices`, or null; a reference cannot stand beside other words in 3.0."""
    if len(choices) == 1 and "$ref" not in choices[0]:
        return {**choices[0], "nullable": True}
    return {"allOf" if len(choices) == 1 else "anyOf": choices, "nullable": True}
