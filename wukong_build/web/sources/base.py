"""What a source is. Knows no particular one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that names pairs; its fields are the config's keys."""

    @classmethod
    def kind(cls) -> str:
        """The word the config has for it."""
        return cls.__name__.lower()

    @property
    def target(self) -> str:
        """What it was pointed at."""
        raise NotImplementedError

    def check(self) -> None:
        """ConfigError where what it names cannot be read, or means nothing."""

    def starts(self) -> Sequence[str]:
        """URLs that it asks for before it has read anything."""
        return ()


def labelled(sources: Iterable[Source]) -> dict[str, Source]:
    """The sources by what samples say they come from: number in the config from 0, kind, and what it was pointed at."""
    return {f"{number}:{source.kind()}:{source.target}": source for number, source in enumerate(sources)}
