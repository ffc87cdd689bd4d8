"""Pairs become samples: what pages and lists said of an image is put together, and one text is chosen as its caption.

Made from facts alone, and made again whenever they change; asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from wukong_build.executors import Part
from wukong_build.schema import FETCH_FACTS, PAIRS, SAMPLES
from wukong_build.sql import connect
from wukong_build.store import Store, fingerprint_of
from wukong_build.web.caption import choose
from wukong_build.web.extract import Text
from wukong_build.web.sources import Urls
from wukong_build.web.url import host_of

TEXTS_KEPT = 64
"""Candidate texts of one sample: a picture on every page of a site would gather thousands."""

CAPTION_VERSION = 1
"""Raised when `choose` would choose otherwise than before."""

_GATHERED = ("crawl/gathered", "00000")

# Pairs count as far as a source asks for them: a page that the frontier no longer has is a fact without a use.
_OCCURRENCE = """
CREATE OR REPLACE VIEW occurrence AS
SELECT pairs.key, pairs.url, page_url, position, texts,
       CASE WHEN pairs.source IS NULL THEN frontier.depth ELSE 0 END AS depth, coalesce(pairs.source, frontier.source) AS source
FROM pairs LEFT JOIN frontier ON pairs.page_url = frontier.url
WHERE pairs.source IS NOT NULL OR frontier.url IS NOT NULL
"""
_FIRST = "ORDER BY depth, page_url NULLS FIRST, position, source"


def wanted_images(store: Store) -> pa.Table:
    """`key, url, page_url, host` of every image that a source names and that has not been asked for."""
    with connect(store) as connection:
        connection.execute(_OCCURRENCE)
        wanted: pa.Table = connection.sql(
            f"SELECT key, min(url) AS url, first(page_url {_FIRST}) AS page_url "  # noqa: S608  constants of ours
            "FROM occurrence ANTI JOIN images USING (key) GROUP BY key ORDER BY key"
        ).to_arrow_table()
    return wanted.append_column("host", pa.array(map(host_of, wanted["url"].to_pylist()), pa.string()))


def gather(store: Store) -> None:
    """Put all occurrences of every image together, in the order in which the bytes lie: `crawl/gathered`."""
    facts = ", ".join(FETCH_FACTS)
    with connect(store) as connection:
        connection.execute(_OCCURRENCE)
        gathered = connection.sql(
            "WITH answer AS (SELECT * EXCLUDE (image) FROM images "  # noqa: S608  constants of ours
            "QUALIFY row_number() OVER (PARTITION BY key ORDER BY part DESC, part_row DESC) = 1), "
            "sample AS (SELECT key, min(url) AS url, count(*) AS occurrence_count, "
            f"{', '.join(f'first({name} {_FIRST}) AS {name}' for name in ('page_url', 'depth', 'position', 'source'))}, "
            f"flatten(list(texts {_FIRST})) AS texts FROM occurrence GROUP BY key) "
            f"SELECT part, part_row AS image_row, sample.*, {facts} FROM sample JOIN answer USING (key) ORDER BY part, part_row"
        ).to_arrow_table()
    store.write(*_GATHERED, gathered)


class ListStage(msgspec.Struct, frozen=True):
    """Lists of URLs become pairs, one part a list."""

    sources: tuple[Urls, ...]
    name: ClassVar[str] = "crawl/pairs"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """One part a list; lists that the config no longer names are removed."""
        parts = [Part(f"list-{source.digest()[:16]}", source.digest()) for source in self.sources]
        for name in set(store.parts(self.name)) - {part.name for part in parts}:
            if name.startswith("list-"):
                store.delete_part(self.name, name)
        return parts

    def work(self, store: Store, part: Part) -> str:
        """One list into pairs."""
        source = next(source for source in self.sources if source.digest() == part.fingerprint)
        rows = 0
        with store.writing(self.name, part.name, PAIRS.arrow, part.fingerprint) as writer:
            writer.digest = part.fingerprint
            for table in source.tables():
                writer.write_table(table)
                rows += len(table)
        return f"{rows} rows of {source.path}"


class SampleStage(msgspec.Struct, frozen=True):
    """One row for every sample, beside the bytes of its image: a part of samples for every part of images."""

    name: ClassVar[str] = "crawl/samples"
    appends: ClassVar[bool] = False

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of images."""
        made_from = fingerprint_of(store.digest(*_GATHERED), CAPTION_VERSION)
        return [Part(name, fingerprint_of(made_from, digest)) for name, digest in store.digests("crawl/images")]

    def work(self, store: Store, part: Part) -> str:
        """Choose the captions of some samples."""
        with store.fs.open(store.part_path(*_GATHERED), "rb") as file:
            gathered = pq.read_table(file, filters=[("part", "=", part.name)]).drop_columns(["part"]).to_pylist()
        rows = [{**row, **_chosen(row["texts"])} for row in gathered]
        store.write(self.name, part.name, pa.Table.from_pylist(rows, schema=SAMPLES.arrow), part.fingerprint)
        return f"{sum(row['caption_found'] is not None for row in rows)} of {len(rows)} samples have a caption"


def _chosen(texts: list[dict[str, Any]]) -> dict[str, Any]:
    """The distinct candidate texts of a sample, and the one that becomes its caption."""
    distinct = list(_distinct(texts))[:TEXTS_KEPT]
    choice = choose(distinct)
    return {
        "texts": msgspec.to_builtins(distinct),
        "caption_found": choice.text if choice else None,
        "caption_origin": choice.origin if choice else None,
        "caption_reason": choice.reason if choice else None,
    }


def _distinct(texts: list[dict[str, Any]]) -> Iterator[Text]:
    seen: set[tuple[str, str]] = set()
    for text in texts:
        if (text["text"], text["origin"]) not in seen:
            seen.add((text["text"], text["origin"]))
            yield Text(**text)
