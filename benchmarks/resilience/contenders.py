"""Who decides: Syncline, raw statements on its own connection, and the libraries that one would take instead."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from benchmarks.resilience.ground import SPENT, WIDE, Ground, Shape
from benchmarks.resilience.laps import Decide, Lap, lap
from benchmarks.resilience.sources import measured_source
from syncline.model.budgets import BudgetKey
from syncline.resilience.breaker import Outcome
from syncline.resilience.budget_state import Granted
from syncline.store.breakers import Breakers, Permit
from syncline.store.budgets import Budgets

__all__ = ["CONTENDERS", "LIBRARIES", "PYRATE", "Contender", "Laps", "syncline_decider"]

Laps = Callable[[float], Lap]
Open = Callable[[Ground], AbstractContextManager[Laps]]
PYRATE = "pyrate-limiter"
_ONLY_FOR_BENCHMARKS = "aiolimiter"
"""Where it is missing, the others may be there all the same, as parts of something else."""
LIBRARIES = "benchmarks.resilience.libraries"
_DATABASES = ("sqlite", "postgresql")
_IN_MEMORY = ("sqlite",)
"""What has no database is measured once."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Who makes one kind of decision.

    Attributes:
        what: the decision.
        kinds: the databases on which it is measured.
        alone: whether one process is all that it knows of, so that measuring several says nothing.
        raw: the statement that its decisions are compared with.
        package: what must be installed for it; what comes with `make bench`.
    """

    name: str
    what: str
    open: Open
    kinds: tuple[str, ...] = _DATABASES
    alone: bool = False
    raw: str = ""
    package: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether it can be measured here."""
        return not self.package or all(find_spec(one) is not None for one in (self.package, _ONLY_FOR_BENCHMARKS))


def syncline_decider(ground: Ground, key: BudgetKey, *, admits: bool) -> Decide:
    """Decide by Syncline's budgets."""
    budgets, keys = Budgets(ground.store), [key]
    return lambda: isinstance(budgets.acquire(keys), Granted) is admits


@contextmanager
def _admissions(shape: Shape, name: str, ground: Ground) -> Generator[Laps]:
    decide = syncline_decider(ground, BudgetKey(name=f"wide:{name}", policy=shape), admits=True)
    yield partial(lap, decide)


@contextmanager
def _denials(shape: Shape, name: str, ground: Ground) -> Generator[Laps]:
    key = BudgetKey(name=f"spent:{name}", policy=shape)
    budgets = Budgets(ground.store)
    while isinstance(budgets.acquire([key]), Granted):
        pass
    yield partial(lap, syncline_decider(ground, key, admits=False))


@contextmanager
def _closed_breaker(ground: Ground) -> Generator[Laps]:
    """A breaker that has seen a failure, and so has a row, and is closed."""
    breakers, source = Breakers(ground.store), measured_source("closed")
    for outcome in (Outcome.FAILURE, Outcome.SUCCESS):
        permit = breakers.admit(source)
        if isinstance(permit, Permit):
            breakers.record(permit, outcome)
    yield partial(lap, lambda: isinstance(breakers.admit(source), Permit))


@contextmanager
def _raw_select(ground: Ground) -> Generator[Laps]:
    driver, row = ground.driver, (ground.row,)
    statement = f"SELECT version, tat_us FROM budgets WHERE key = {ground.mark}"
    yield partial(lap, lambda: len(driver.execute(statement, row).fetchall()) == 1)


@contextmanager
def _raw_update(ground: Ground) -> Generator[Laps]:
    driver, values = ground.driver, (1, ground.row)
    statement = f"UPDATE budgets SET version = version + 1, tat_us = {ground.mark} WHERE key = {ground.mark}"
    yield partial(lap, lambda: driver.execute(statement, values).rowcount == 1)


def _syncline() -> Generator[Contender]:
    for name in ("bucket", "ring"):
        opened = partial(_admissions, WIDE[name], name)
        yield Contender(name="syncline", what=f"{name} admission", open=opened, raw="UPDATE")
        opened = partial(_denials, SPENT[name], name)
        yield Contender(name="syncline", what=f"{name} denial", open=opened, raw="SELECT")
    yield Contender(name="syncline", what="closed breaker", open=_closed_breaker, raw="SELECT")


def _library(opened: str, ground: Ground, **options: bool) -> AbstractContextManager[Laps]:
    """A library's decisions; imported when it is measured, because it comes with `make bench` only."""
    contender: AbstractContextManager[Laps] = getattr(import_module(LIBRARIES), opened)(ground, **options)
    return contender


def _libraries() -> Generator[Contender]:
    for what, admits, raw in (("admission", True, "UPDATE"), ("denial", False, "SELECT")):
        yield Contender(
            name=PYRATE,
            what=f"ring {what}",
            open=partial(_library, "pyrate", admits=admits),
            raw=raw,
            package="pyrate_limiter",
        )
        for package, shape in (("limits", "ring"), ("throttled", "bucket")):
            opened = partial(_library, f"{package}_in_memory", admits=admits)
            yield _in_memory(package, f"{shape} {what}", opened)
    yield _in_memory("aiolimiter", "bucket admission", partial(_library, "aiolimiter_in_memory"))
    yield _in_memory("pybreaker", "closed breaker", partial(_library, "pybreaker_in_memory"))


def _in_memory(package: str, what: str, opened: Open) -> Contender:
    name = f"{package} (memory)"
    return Contender(name=name, what=what, open=opened, kinds=_IN_MEMORY, alone=True, package=package)


CONTENDERS = (
    Contender(name="raw", what="SELECT", open=_raw_select),
    Contender(name="raw", what="UPDATE", open=_raw_update),
    *_syncline(),
    *_libraries(),
)
