"""What a source is. Knows no particular one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that names pairs; its fields are the config's keys."""

    @classmethod
    def kind(cls) -> str:
        """The word the config has for it."""
        return cls.__name__.lower()

    @property
    def label(self) -> str:
        """What samples say they come from: the kind and what it was pointed at."""
        raise NotImplementedError

    def starts(self) -> Sequence[str]:
        """URLs that it asks for before it has read anything."""
        return ()
