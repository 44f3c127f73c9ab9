"""The breaker and the budgets of a source in a few words."""

from datetime import datetime

from rich.text import Text

from cli.tables import Fact
from syncline.resilience.breaker import BreakerState
from syncline.status.protection import BudgetUse, Protection, breaker_words, budget_words
from syncline.words import ago, unheard_of

__all__ = ["breaker", "budget", "protection_facts"]

_NEARLY = 0.9


def breaker(protection: Protection) -> Text:
    """The breaker in a cell; empty while it is closed."""
    return Text(_short(protection), style=_breaker_style(protection.breaker.state))


def _short(protection: Protection) -> str:
    state, retry_at = protection.breaker.state, protection.breaker.retry_at
    match state:
        case BreakerState.CLOSED:
            return ""
        case BreakerState.OPEN:
            return f"open until {retry_at:%H:%M} UTC" if retry_at else "open"
        case BreakerState.HALF_OPEN:
            return "half-open"
        case BreakerState.FORCED_OPEN:
            return "held open"
    return unheard_of(state)


def _breaker_style(state: BreakerState) -> str:
    match state:
        case BreakerState.CLOSED:
            return ""
        case BreakerState.OPEN | BreakerState.FORCED_OPEN:
            return "bold red"
        case BreakerState.HALF_OPEN:
            return "yellow"
    unheard_of(state)
    return ""


def budget(protection: Protection) -> Text:
    """The budget of which most is used, in a cell; empty where there is none."""
    fullest = max(protection.budgets, key=lambda use: use.fraction, default=None)
    if fullest is None:
        return Text("")
    return Text(f"{fullest.capacity - fullest.tokens:,.0f}/{fullest.capacity:,}", style=_style(fullest))


def protection_facts(protection: Protection, now: datetime) -> list[Fact]:
    """All that stands between the source and its upstream."""
    retry_at, blocked_until = protection.breaker.retry_at, protection.blocked_until
    again = f", tries again {ago(retry_at, now)}" if retry_at else ""
    words = Text(f"{breaker_words(protection)}{again}", style=_breaker_style(protection.breaker.state))
    return [
        Fact(label="Breaker", value=words),
        *(Fact(label="Budget", value=Text(_budget(use), style=_style(use))) for use in protection.budgets),
        Fact(label="Upstream", value=f"asks to be left alone, ends {ago(blocked_until, now)}" if blocked_until else ""),
    ]


def _budget(use: BudgetUse) -> str:
    return f"{use.name} {budget_words(use)}"


def _style(use: BudgetUse) -> str:
    return "yellow" if use.fraction >= _NEARLY or use.blocked_until is not None else ""
