"""The breaker and the budgets of a source in a few words."""

from datetime import datetime

from rich.text import Text

from cli.tables import Fact
from cli.times import ago
from syncline.resilience.breaker import BreakerState
from syncline.status.guards import BudgetUse, Guards, breaker_words, budget_words

__all__ = ["breaker", "budget", "guard_facts"]

_NEARLY = 0.9
_STYLES = {
    BreakerState.CLOSED: "",
    BreakerState.OPEN: "bold red",
    BreakerState.HALF_OPEN: "yellow",
    BreakerState.FORCED_OPEN: "bold red",
}


def breaker(guarded: Guards) -> Text:
    """The breaker in a cell; empty while it is closed."""
    state, retry_at = guarded.breaker.state, guarded.breaker.retry_at
    words = {BreakerState.CLOSED: "", BreakerState.HALF_OPEN: "half-open", BreakerState.FORCED_OPEN: "held open"}
    until = f" until {retry_at:%H:%M} UTC" if retry_at else ""
    return Text(words.get(state, f"open{until}"), style=_STYLES[state])


def budget(guarded: Guards) -> Text:
    """The budget of which most is used, in a cell; empty where there is none."""
    fullest = max(guarded.budgets, key=lambda use: use.fraction, default=None)
    if fullest is None:
        return Text("")
    return Text(f"{fullest.capacity - fullest.tokens:,.0f}/{fullest.capacity:,}", style=_style(fullest))


def guard_facts(guarded: Guards, now: datetime) -> list[Fact]:
    """All that stands between the source and its upstream."""
    retry_at, blocked_until = guarded.breaker.retry_at, guarded.blocked_until
    again = f", tries again {ago(retry_at, now)}" if retry_at else ""
    words = Text(f"{breaker_words(guarded)}{again}", style=_STYLES[guarded.breaker.state])
    return [
        Fact(label="Breaker", value=words),
        *(Fact(label="Budget", value=Text(_budget(use), style=_style(use))) for use in guarded.budgets),
        Fact(label="Upstream", value=f"asks to be left alone, ends {ago(blocked_until, now)}" if blocked_until else ""),
    ]


def _budget(use: BudgetUse) -> str:
    return f"{use.name} {budget_words(use)}"


def _style(use: BudgetUse) -> str:
    return "yellow" if use.fraction >= _NEARLY or use.blocked_until is not None else ""
