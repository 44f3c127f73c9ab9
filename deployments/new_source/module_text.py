"""The file of a new source: a Jinja template, filled in, then sorted and laid out by ruff.

What the API or the user chose enters the template as a literal or within a comment, never as code.
"""

import json
import re
import subprocess
import textwrap
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from ruff import find_ruff_bin

from deployments.new_source.columns import declarations
from deployments.new_source.draft import Draft, Shared
from deployments.new_source.literal import literal, unambiguous
from deployments.new_source.names import IMPORTS
from syncline.model.upstream import Auth, Upstream
from syncline.settings import base_url_setting
from syncline.upstreams.auth import credential_settings
from syncline.upstreams.paging import Paging

__all__ = ["module_text", "table_text"]

_LINE_LENGTH = 120
"""The longest line, in columns, as in pyproject.toml."""
_STYLE = (
    "--isolated",  # the same file wherever the command is run
    "--no-cache",
    "--target-version=py311",
    f"--config=line-length={_LINE_LENGTH}",
)
_SORT = (
    "--config=lint.isort.known-first-party=['flows','syncline','tasks']",
    "--config=lint.isort.split-on-trailing-comma=false",  # what is short after the removal goes on one line
    "--select=F401,I",
    "--fix-only",
)
"""The template imports all that a file may need: what this one does not is removed."""
_EXCUSE = "  # noqa: E501 - a text of the API's own"
_SIMPLE_PLACE = re.compile(r"[A-Za-z0-9._~:/-]{1,80}")


def module_text(draft: Draft) -> str:
    """The whole file."""
    text = _render("source.py.jinja", draft)
    return _excused(_ruff("format", text=_ruff("check", *_SORT, text=text)))


def table_text(draft: Draft) -> str:
    """The class of the table, with all imports that it may need: code to be run, not to be read."""
    return _render("imports.py.jinja", draft) + _render("table.py.jinja", draft)


def _render(template: str, draft: Draft) -> str:
    upstream = draft.upstream
    return (
        _templates()
        .get_template(template)
        .render(
            api=_api(draft),
            columns=declarations(draft),
            doubts=_doubts(draft),
            guess=draft.guess,
            imports=IMPORTS,
            looked_at=_looked_at(draft),
            names=draft.names,
            paging=_paging(draft.guess.paging),
            params=_params(draft.guess.params),
            place=draft.place,
            settings=[]
            if isinstance(upstream, Shared)
            else [base_url_setting(upstream.name), *credential_settings(upstream)],
            shared=upstream if isinstance(upstream, Shared) else None,
            title=_title(draft),
            upstream=None if isinstance(upstream, Shared) else _arguments(upstream),
        )
    )


@cache
def _templates() -> Environment:
    made = Environment(  # noqa: S701 - it writes Python: `literal` escapes, not HTML's rules
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["literal"] = literal
    return made


def _title(draft: Draft) -> str:
    what = draft.names.source.replace("_", " ").capitalize()
    if draft.place is None:
        return f"{what}: a source to be described, as docs/add-a-source.md says"
    return f"{what}: what {draft.place} lists" if _SIMPLE_PLACE.fullmatch(draft.place) else what


def _api(draft: Draft) -> str:
    """What the upstream is called in the file; another file's name for it gives way to the source's own constant."""
    own = f"{draft.names.constant}_API"
    if isinstance(draft.upstream, Shared) and draft.upstream.constant != draft.names.constant:
        return draft.upstream.constant
    return own


def _arguments(upstream: Upstream) -> str:
    """What `Upstream` is called with."""
    arguments = [f"name={literal(upstream.name)}"]
    if upstream.auth is not Auth.NONE:
        arguments.append(f"auth=Auth.{upstream.auth.name}")
    if upstream.auth in {Auth.HEADER, Auth.QUERY}:
        arguments.append(f"auth_name={literal(upstream.auth_name)}")
    return ", ".join(arguments)


def _looked_at(draft: Draft) -> str:
    seen, total = draft.guess.seen, draft.guess.total_items
    return f"{seen:,} items" if total is None else f"{seen:,} of {total:,} items"


def _doubts(draft: Draft) -> list[str]:
    """What could not be proved, as comments for the reader who edits the file."""
    wrap = textwrap.TextWrapper(_LINE_LENGTH - 10, initial_indent="# - ", subsequent_indent="#   ")
    return [line for doubt in draft.guess.doubts for line in wrap.wrap(unambiguous(doubt))]


def _paging(paging: Paging) -> str:
    """The paging, with its parameters in sight; other fields are left out where they have their usual values."""
    declared: Any = paging
    values = {field.name: (getattr(declared, field.name), field.default) for field in fields(declared)}
    shown = {name: value for name, (value, usual) in values.items() if value != usual or _is_parameter(name, value)}
    return f"{type(paging).__name__}({', '.join(f'{name}={literal(value)}' for name, value in shown.items())})"


def _is_parameter(name: str, value: object) -> bool:
    return value is not None and not isinstance(value, bool) and name not in {"first", "header"}


def _params(params: tuple[tuple[str, str], ...]) -> object:
    """A dictionary, or a list of pairs where a parameter is given several times."""
    once = dict(params)
    return once if len(once) == len(params) else [*params]


def _excused(text: str) -> str:
    """The text with an excuse behind each line that no formatter can break, and the lint would refuse."""
    found = json.loads(_ruff("check", "--select=E501", "--output-format=json", "--exit-zero", text=text))
    long = {finding["location"]["row"] for finding in found}
    lines = text.splitlines()
    return "".join(f"{line}{_EXCUSE if row in long else ''}\n" for row, line in enumerate(lines, start=1))


def _ruff(command: str, *options: str, text: str) -> str:
    """What ruff makes of the text."""
    done = subprocess.run(  # noqa: S603 - a command that is installed with this program
        [find_ruff_bin(), command, *_STYLE, *options, "-"],
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout
