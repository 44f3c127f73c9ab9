"""Settings in which the environment sets the interval of any source."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from syncline.settings import Settings

__all__ = ["PacedSettings"]


class PacedSettings(Settings):
    """Settings whose `intervals` are those that a test gives: three sources alone have variables of their own."""

    paces: dict[str, float] = Field(default_factory=dict[str, float])

    @property
    def intervals(self) -> Mapping[str, float]:
        """The seconds between runs of each source whose interval is set."""
        return self.paces

    @classmethod
    def like(cls, settings: Settings, **paces: float) -> Self:
        """The same settings, with these intervals."""
        return cls.model_validate(settings.model_dump() | {"paces": paces})
