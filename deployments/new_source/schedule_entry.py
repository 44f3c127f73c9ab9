"""The deployment of a new source, added to prefect.yaml; what stands there stays as it is, comments and anchors too."""

from __future__ import annotations

import copy
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from deployments.new_source.draft import Draft, Shared
from tasks.due import FLOW_PREFIX

__all__ = ["entry_text", "with_entry"]

_ANCHOR_DATE = "2026-01-01T00:00:00+00:00"
_POOL = {"name": "syncline", "work_queue_name": "normal"}


def with_entry(path: Path, draft: Draft, *, every_seconds: int) -> str:
    """The text of the file at `path` with the deployment at the end of its list.

    The file was read before, as `read_deployments` does: it has a list of deployments.
    """
    text = path.read_text(encoding="utf-8")
    document: Any = _yaml().load(text)
    deployments: Any = document["deployments"]
    entry = _entry(draft, every_seconds, _pool(deployments))
    deployments.append(entry)
    if len(deployments) > 1:
        deployments.yaml_set_comment_before_after_key(len(deployments) - 1, before="\n")
    deployments.fa.set_block_style()
    yaml = _yaml(offset=deployments.lc.col if len(deployments) > 1 else 2)
    yaml.explicit_start = text.startswith("---")
    return _dumped(yaml, document)


def entry_text(draft: Draft, *, every_seconds: int) -> str:
    """The deployment alone, to be shown."""
    return _dumped(_yaml(), CommentedSeq([_entry(draft, every_seconds, _flowing(_POOL))]))


def _yaml(*, offset: int = 2) -> Any:  # noqa: ANN401 - ruamel.yaml is untyped
    """A reader and writer that keeps what it can; lists stand `offset` columns below their key."""
    yaml: Any = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    return yaml


def _dumped(yaml: Any, document: object) -> str:  # noqa: ANN401 - as above
    text = StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def _entry(draft: Draft, every_seconds: int, pool: object) -> CommentedMap:
    names = draft.names
    upstream = draft.upstream.upstream if isinstance(draft.upstream, Shared) else draft.upstream
    schedule = {
        "interval": every_seconds,
        "anchor_date": DoubleQuotedScalarString(_ANCHOR_DATE),
        "timezone": "UTC",
        "slug": names.source,
    }
    schedules: Any = CommentedSeq([_flowing(schedule)])
    tags: Any = CommentedSeq([upstream.name])
    tags.fa.set_flow_style()
    entry: Any = CommentedMap(
        {
            "name": names.source,
            "flow_name": f"{FLOW_PREFIX}{names.source}",
            "entrypoint": f"flows.{names.source}.{names.flow}",
            "description": f"Keeps the table {names.table} up to date with its upstream.",
            "tags": tags,
            "parameters": _flowing({"mode": "incremental", "force": False}),
            "work_pool": pool,
            "schedules": schedules,
        }
    )
    return entry


def _pool(deployments: list[Any]) -> object:
    """The work pool of the other deployments: by its anchor where it has one."""
    found: Any = next((entry["work_pool"] for entry in deployments if "work_pool" in entry), None)
    if found is None:
        return _flowing(_POOL)
    return found if _is_anchored(found) else copy.deepcopy(found)


def _is_anchored(value: Any) -> bool:  # noqa: ANN401 - as above
    return hasattr(value, "anchor") and value.anchor.value is not None


def _flowing(values: dict[str, Any]) -> CommentedMap:
    """A mapping on one line."""
    made: Any = CommentedMap(values)
    made.fa.set_flow_style()
    return made
