"""Pairs become samples: what pages and lists said of an image is put together, and one text is chosen as its caption.

Made from facts alone, and made again whenever they change; asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.executors import Part
from wukong_build.schema import FETCH_FACTS, SAMPLES
from wukong_build.sql import FIRST_OCCURRENCE, connect
from wukong_build.stages.facts import Retry
from wukong_build.store import Store, fingerprint_of
from wukong_build.web.caption import choose
from wukong_build.web.extract import Text
from wukong_build.web.images import MOVED
from wukong_build.web.url import host_of

TEXTS_KEPT = 64
"""Candidate texts of one sample: a picture on every page of a site would gather thousands."""

CAPTION_VERSION = 1
"""Raised when `choose` would choose otherwise than before."""

_GATHERED = "crawl/gathered"


def wanted_images(store: Store, retry: Retry) -> pa.Table:
    """`key, url, page_url, location, hops, host` of every image that a source names and that has not had its last answer."""
    with connect(store) as connection:
        wanted: pa.Table = connection.sql(
            f"SELECT key, min(occurrences.url) AS url, first(page_url {FIRST_OCCURRENCE}) AS page_url, "  # noqa: S608  ours
            "any_value(location) AS location, any_value(CASE WHEN location IS NOT NULL THEN hops END) AS hops "
            "FROM occurrences LEFT JOIN answers USING (key) "
            f"WHERE answers.key IS NULL OR error = '{MOVED}' OR {retry.condition('images')} GROUP BY key ORDER BY key"
        ).to_arrow_table()
    asked = pc.coalesce(wanted["location"], wanted["url"]).to_pylist()
    return wanted.append_column("host", pa.array(map(host_of, asked), pa.string()))


def gather(store: Store) -> None:
    """Put all occurrences of every image together, in the order in which its bytes lie: a part for every part of images."""
    firsts = ", ".join(f"first({name} ORDER BY rank) AS {name}" for name in ("page_url", "depth", "position", "source"))
    store.delete_stage(_GATHERED)
    with connect(store) as connection:
        reader = connection.sql(
            f"WITH ranked AS (SELECT *, row_number() OVER (PARTITION BY key {FIRST_OCCURRENCE}) AS rank FROM occurrences), "  # noqa: S608  ours
            f"sample AS (SELECT key, min(url) AS url, count(*) AS occurrence_count, {firsts}, "
            f"flatten(list(texts ORDER BY rank) FILTER (rank <= {TEXTS_KEPT})) AS texts FROM ranked GROUP BY key) "
            f"SELECT part, part_row AS image_row, sample.*, {', '.join(FETCH_FACTS)} FROM sample JOIN answers USING (key) "
            "ORDER BY part, part_row"
        ).to_arrow_reader()
        for part, table in _by_part(reader):
            store.write(_GATHERED, part, table)


def _by_part(reader: pa.RecordBatchReader) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a reader that is sorted by `part`, part by part, without that column."""
    waiting: list[pa.Table] = []
    for batch in reader:
        table = pa.Table.from_batches([batch])
        for part in pc.unique(table["part"]).to_pylist():
            if waiting and waiting[-1]["part"][0].as_py() != part:
                yield waiting[0]["part"][0].as_py(), pa.concat_tables(waiting).drop_columns(["part"])
                waiting = []
            waiting.append(table.filter(pc.equal(table["part"], part)))
    if waiting:
        yield waiting[0]["part"][0].as_py(), pa.concat_tables(waiting).drop_columns(["part"])


class SampleStage(msgspec.Struct, frozen=True):
    """One row for every sample, beside the bytes of its image: a part of samples for every part of images."""

    name: ClassVar[str] = "crawl/samples"
    appends: ClassVar[bool] = False

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of images that has a sample."""
        return [Part(name, fingerprint_of(digest, CAPTION_VERSION)) for name, digest in store.digests(_GATHERED)]

    def work(self, store: Store, part: Part) -> str:
        """Choose the captions of some samples."""
        gathered = store.read(_GATHERED, part.name).to_pylist()
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
