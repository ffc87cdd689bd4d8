"""Lists of image URLs with captions, as the field exchanges them. Reads files; asks no server but the one they lie on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec
import pyarrow as pa
from msgspec import UNSET, UnsetType

from wukong_build.errors import ConfigError, listed, nearest
from wukong_build.schema import PAIRS
from wukong_build.web.sources.columns import candidate_texts, canonical_urls
from wukong_build.web.sources.files import Filed, readable
from wukong_build.web.sources.presets import ALL_OTHERS, PRESETS, Carried, Preset, PresetName
from wukong_build.web.sources.rows import Columns, Skipped
from wukong_build.web.sources.tables import is_list, names_of, rows_of
from wukong_build.web.url import key_of

log = logging.getLogger("wukong_build")


class Urls(Filed, frozen=True, kw_only=True):
    """Files with one image a row. A URL under several captions is one sample with several texts."""

    preset: PresetName | None = None
    """The published list it is, whose columns have known names; those named here count first."""
    url: str | UnsetType = UNSET
    """Name of the column with the image URL."""
    caption: str | UnsetType | None = UNSET
    """Name of the column with the caption; null where there is none."""
    page_url: str | None = None
    """Name of the column with the page it stood on, if there is one."""
    extra_columns: Carried | UnsetType = UNSET
    """Names of further columns to carry along; "*" for all others."""
    files_are: ClassVar[str] = "list"

    @property
    def _preset(self) -> Preset:
        return PRESETS[self.preset]

    def is_one(self, name: str) -> bool:
        """Whether it ends like a list."""
        return is_list(name)

    def _read_by(self) -> tuple[Any, ...]:
        settings = {key: value for key, value in msgspec.to_builtins(self).items() if key != "path"}
        return settings, self._preset

    def check(self) -> None:
        """ConfigError where a file cannot be read or lacks a column."""
        for path in self.digests():
            with readable(path):
                self._columns(path)

    def tables(self, path: str, label: str) -> Iterator[pa.Table]:
        """One of the files as rows of `PAIRS`, some at a time. ConfigError where it cannot be read or lacks a column."""
        position, skipped = 0, Skipped()
        with readable(path):
            for rows in rows_of(path, self._columns(path), skipped):
                yield _pairs(rows, position, label)
                position += len(rows)
        if skipped.count:
            log.warning("%s: %d rows skipped; one of them %.200s", path, skipped.count, skipped.example)

    def _columns(self, path: str) -> Columns:
        """The columns to read. ConfigError where one of them is not there."""
        there = names_of(path)
        if there is None:
            return Columns("")
        extra = self._preset.extra_columns if self.extra_columns is UNSET else self.extra_columns
        return Columns(
            url=self._column(path, there, self.url, self._preset.url),
            caption=None if self.caption is None else self._column(path, there, self.caption, self._preset.caption),
            page_url=None if self.page_url is None else self._column(path, there, self.page_url),
            extra=extra if extra == ALL_OTHERS else tuple(self._column(path, there, name) for name in extra),
        )

    def _column(self, path: str, there: Sequence[str], named: str | UnsetType, published: Sequence[str] = ()) -> str:
        """The column that the config names, or else the first of the published ones, as the file spells it."""
        wanted = published if named is UNSET else (named,)
        any_case = self.preset is not None and named is UNSET
        spelt = {name.lower() if any_case else name: name for name in reversed(there)}
        for name in wanted:
            if name in spelt:
                return spelt[name]
        meant = " or ".join(map(repr, wanted))
        raise ConfigError(f"crawl.sources: {path}: has no column {meant}{nearest(wanted[0], there)}; it has {listed(there)}")


def _pairs(rows: pa.RecordBatch, first_position: int, label: str) -> pa.Table:
    """Rows of a list as pairs."""
    urls = canonical_urls(rows["url"])
    columns = {
        "key": pa.array(map(key_of, urls.to_pylist()), pa.string()),
        "url": urls,
        "page_url": rows["page_url"],
        "found_at": pa.nulls(len(rows), pa.string()),
        "query": pa.nulls(len(rows), pa.string()),
        "position": pa.array(range(first_position, first_position + len(rows)), pa.int64()),
        "source": pa.repeat(label, len(rows)),
        "texts": candidate_texts(rows["caption"]),
        "chrome": pa.nulls(len(rows), pa.string()),
        "capture": pa.nulls(len(rows), pa.int64()),
        "extra": rows["extra"],
    }
    return pa.table([columns[name] for name in PAIRS.arrow.names], schema=PAIRS.arrow)
