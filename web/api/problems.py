"""The parts of the report that several endpoints tell in the same words."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from syncline.settings import Settings
from syncline.status.problems import Problem, ProblemKind
from syncline.status.report import NextRun
from web.api.instants import Instant
from web.redaction import redacted

__all__ = ["NextRunJson", "ProblemJson", "next_run_json", "problems_json", "sentences"]


class ProblemJson(BaseModel):
    """One thing that is wrong."""

    kind: ProblemKind
    sentence: str


class NextRunJson(BaseModel):
    """When a source runs next by itself."""

    at: Instant | None = Field(description="never in the past; null: not known, or there is none")
    why: str | None = Field(description="why there is no instant, such as `stopped`, `late` or `unknown: …`")
    due_since: Instant | None = Field(description="since when a run is due that has not begun")
    schedule: str | None = Field(description="such as `every 30 min`")
    active: bool | None = Field(description="whether the schedule is on; null where that is not known")


def problems_json(found: Iterable[Problem], settings: Settings) -> list[ProblemJson]:
    """The problems, without what must not be told."""
    return [ProblemJson(kind=one.kind, sentence=redacted(one.sentence, settings)) for one in found]


def sentences(found: Iterable[Problem], settings: Settings) -> list[str]:
    """The sentences alone, without what must not be told."""
    return [one.sentence for one in problems_json(found, settings)]


def next_run_json(one: NextRun) -> NextRunJson:
    """When it runs next, as JSON."""
    return NextRunJson(at=one.at, why=one.why, due_since=one.due_since, schedule=one.schedule, active=one.active)
