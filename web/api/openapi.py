"""The OpenAPI document: what every operation can answer, and the same document in version 3.0 for Swagger UI."""

from typing import Any

__all__ = ["as_3_0", "described"]

_ALWAYS = {
    "400": "the request is not HTTP as it should be",
    "403": "a page of another origin, or a token that is no operator's",
    "408": "header or body did not come in time",
    "413": "the body is too long",
    "414": "path and query are too long",
    "421": "the header Host names no host of ours",
    "422": "a value is missing or wrong",
    "431": "the header is too long",
    "503": "something that is needed is not set or does not answer, or too many requests are being answered",
}
_GUARDED = {
    "401": "the credential is missing or wrong",
    "429": "too many wrong credentials came from this address; Retry-After says for how long it must wait",
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with the statuses that every operation can answer, and the first sentence of each as its summary."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorJson"}}}
    for path in schema["paths"].values():
        for operation in path.values():
            wanted = {**_ALWAYS, **(_GUARDED if operation.get("security") else {})}
            answers: dict[str, Any] = operation["responses"]
            for status, text in wanted.items():
                if not _is_told(answers.get(status)):
                    answers[status] = {"description": text, "content": content}
            operation["responses"] = dict(sorted(answers.items()))
            _summarise(operation)
    return schema


def _summarise(operation: dict[str, Any]) -> None:
    """Take the summary from the docstring; FastAPI makes one of the function's name."""
    first, _, rest = str(operation.get("description", "")).partition("\n\n")
    if not first:
        return
    operation["summary"] = " ".join(first.split()).removesuffix(".")
    operation["description"] = rest
    if not rest:
        del operation["description"]


def _is_told(answer: dict[str, Any] | None) -> bool:
    """Whether the endpoint says itself what this status is; FastAPI's own shape of a 422 is not ours."""
    return answer is not None and "HTTPValidationError" not in str(answer)


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
