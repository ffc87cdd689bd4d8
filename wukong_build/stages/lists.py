"""Lists of URLs become pairs. Knows neither what a list looks like inside nor what is fetched for it."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from wukong_build.executors import Part
from wukong_build.schema import PAIRS
from wukong_build.store import Store, fingerprint_of
from wukong_build.web.sources import Urls


class ListStage(msgspec.Struct, frozen=True):
    """Lists of URLs become pairs, one part a file."""

    sources: dict[str, Urls]
    """By label."""
    name: ClassVar[str] = "crawl/pairs"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """One part a file; files that the config no longer names are removed."""
        parts = [Part(f"list-{made_from[:16]}", made_from) for made_from in self._made_from()]
        for name in set(store.parts(self.name)) - {part.name for part in parts}:
            if name.startswith("list-"):
                store.delete_part(self.name, name)
        return parts

    def work(self, store: Store, part: Part) -> str:
        """One file into pairs."""
        source, path, label = self._made_from()[part.fingerprint]
        rows = 0
        with store.writing(self.name, part.name, PAIRS.arrow, part.fingerprint) as writer:
            writer.digest = part.fingerprint
            for table in source.tables(path, label):
                writer.write_table(table)
                rows += len(table)
        return f"{rows} rows of {path}"

    def _made_from(self) -> dict[str, tuple[Urls, str, str]]:
        """Fingerprint → source, file, and the label of the file: that of the source, with the file in place of its target."""
        return {
            fingerprint_of(label, digest): (source, path, label)
            for source_label, source in self.sources.items()
            for path, digest in source.digests().items()
            for label in [source_label.removesuffix(source.target) + path]
        }
