"""Lists of image URLs become pairs. Knows neither what a list looks like inside nor what is fetched for it."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from wukong_build.executors import Part
from wukong_build.schema import PAIRS
from wukong_build.store import Store, fingerprint_of
from wukong_build.web.sources import Urls


class ListStage(msgspec.Struct, frozen=True):
    """Lists of URLs become pairs, one part a list."""

    sources: dict[str, Urls]
    """By label."""
    name: ClassVar[str] = "crawl/pairs"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """One part a list; lists that the config no longer names are removed."""
        parts = [Part(f"list-{made_from[:16]}", made_from) for made_from in self._made_from()]
        for name in set(store.parts(self.name)) - {part.name for part in parts}:
            if name.startswith("list-"):
                store.delete_part(self.name, name)
        return parts

    def work(self, store: Store, part: Part) -> str:
        """One list into pairs."""
        label, source = self._made_from()[part.fingerprint]
        rows = 0
        with store.writing(self.name, part.name, PAIRS.arrow, part.fingerprint) as writer:
            writer.digest = part.fingerprint
            for table in source.tables(label):
                writer.write_table(table)
                rows += len(table)
        return f"{rows} rows of {source.path}"

    def _made_from(self) -> dict[str, tuple[str, Urls]]:
        """Fingerprint → label and list."""
        return {fingerprint_of(label, source.digest()): (label, source) for label, source in self.sources.items()}
