"""A cache of what the sources declare, for commands that only read: to load `flows/` would load Prefect.

The file is used only where every file that the declarations came from is still as it was then; else they are loaded,
and it is written anew.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli import registry
from deployments.schedules.expected_interval import TickRule, rules_of
from syncline.model.budgets import Budget, Policy, SlidingWindow, TokenBucket
from syncline.model.policies import BreakerPolicy
from syncline.model.source import Source, named
from syncline.model.upstream import Upstream
from syncline.settings import Settings
from syncline.status.row_counts import CountedTable, counted_tables

__all__ = ["Declared", "declared", "known_name"]

_FILE = "declared.json"
_VERSION = 3
_ROOMS = ("flows", "tasks", "syncline", "deployments")
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The sources, as far as a look at the instance needs them.

    Attributes:
        sources: each with its upstream's budgets and its breaker's policy; what it does is left out.
        tables: the table of each that keeps a dataset.
        rules: the schedules of each, with the intervals of the environment.
    """

    sources: tuple[Source, ...]
    tables: Mapping[str, CountedTable]
    rules: Mapping[str, Sequence[TickRule]]


def declared(settings: Settings) -> Declared:
    """What is declared now.

    Raises:
        ConfigurationError: a file of `flows/`, or prefect.yaml, cannot be loaded.
    """
    kept = _kept(settings)
    if kept is not None:
        return kept
    found = tuple(registry.every())
    made = Declared(sources=found, tables=counted_tables(found), rules=rules_of(settings))
    _keep(settings, made)
    return made


def known_name(settings: Settings, name: str) -> str:
    """The source's own name, where `name` is an alias and the file holds; else `name` as it is."""
    kept = _kept(settings)
    found = None if kept is None else named(kept.sources, name)
    return name if found is None else found.name


def _kept(settings: Settings) -> Declared | None:
    """What the file says; None where it does not hold any more, or cannot be read."""
    try:
        found: Any = json.loads((settings.home / _FILE).read_text(encoding="utf-8"))
        same = found["version"] == _VERSION and found["intervals"] == dict(settings.intervals)
        if not same or found["files"] != _stamps(found["files"]) or found["flows"] != _flows():
            return None
        return Declared(
            sources=tuple(_source(one) for one in found["sources"]),
            tables={name: CountedTable(**one) for name, one in found["tables"].items()},
            rules={name: [TickRule(**one) for one in rules] for name, rules in found["rules"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(settings: Settings, made: Declared) -> None:
    """Write the file; where it cannot be written, the next command loads `flows/` again."""
    text = json.dumps(
        {
            "version": _VERSION,
            "intervals": dict(settings.intervals),
            "files": _stamps(_loaded()),
            "flows": _flows(),
            "sources": [_plain(one) for one in made.sources],
            "tables": {name: asdict(one) for name, one in made.tables.items()},
            "rules": {name: [asdict(rule) for rule in rules] for name, rules in made.rules.items()},
        }
    )
    path = settings.home / _FILE
    beside = path.with_suffix(f".{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)


def _loaded() -> list[str]:
    """The files that the declarations came from: our rooms, what else they load of the project, and prefect.yaml."""
    modules = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
    files = {str(module.__file__) for module in modules if _is_ours(module.__name__, str(module.__file__))}
    return sorted({*files, str(_ROOT / "prefect.yaml")})


def _is_ours(module: str, file: str) -> bool:
    inside = file.startswith(f"{_ROOT}{os.sep}") and "site-packages" not in file
    return module.partition(".")[0] in _ROOMS or inside


def _stamps(files: Iterable[str]) -> dict[str, list[int]]:
    """When each file was changed, and how long it is."""
    found = {name: Path(name).stat() for name in files}
    return {name: [one.st_mtime_ns, one.st_size] for name, one in found.items()}


def _flows() -> list[str]:
    return sorted(path.name for path in (_ROOT / "flows").iterdir() if path.suffix == ".py" or path.is_dir())


def _plain(one: Source) -> dict[str, object]:
    budgets = [{"name": budget.name, "cost": budget.cost, **_policy(budget.policy)} for budget in one.upstream.budgets]
    return {
        "name": one.name,
        "aliases": list(one.aliases),
        "upstream": one.upstream.name,
        "budgets": budgets,
        "breaker": asdict(one.breaker),
        "spends": dict(one.spends),
    }


def _policy(policy: Policy) -> dict[str, object]:
    if isinstance(policy, SlidingWindow):
        return {"window": asdict(policy)}
    return {"bucket": asdict(policy)}


def _source(one: Mapping[str, Any]) -> Source:
    budgets = tuple(_budget(budget) for budget in one["budgets"])
    upstream = Upstream(name=one["upstream"], budgets=budgets)
    return Source(
        name=one["name"],
        aliases=tuple(one["aliases"]),
        upstream=upstream,
        breaker=BreakerPolicy(**one["breaker"]),
        spends=one["spends"],
    )


def _budget(one: Mapping[str, Any]) -> Budget:
    if "window" in one:
        return Budget(name=one["name"], cost=one["cost"], policy=SlidingWindow(**one["window"]))
    fields: dict[str, Any] = dict(one["bucket"])
    wall: Any = None if fields["wall"] is None else SlidingWindow(**fields["wall"])
    fields["wall"] = wall
    return Budget(name=one["name"], cost=one["cost"], policy=TokenBucket(**fields))
