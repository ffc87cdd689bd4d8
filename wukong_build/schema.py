"""THE table: every column of every file of a run, its type, its meaning, and who writes it.

The columns that links write are declared by the links themselves (`Link.columns`); everything else stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

SCHEMA_VERSION = 1
"""Written into every Parquet file; raised when a column changes its meaning."""


COST_NOTE, ALONE_NOTE = "cost:", "alone:"
"""Before a link's name: notes of parts; in scores, of what measuring took, in the ledger, of how many the link drops alone."""


class Column(NamedTuple):
    """One column: what it is called, what type it has, and what it means."""

    name: str
    type: pa.DataType
    meaning: str


class TableSchema(NamedTuple):
    """One kind of Parquet file of a run, and the stage that writes it."""

    name: str
    written_by: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def arrow(self) -> pa.Schema:
        """As Arrow knows it; every field carries its meaning as `description`."""
        return pa.schema([pa.field(c.name, c.type, metadata={"description": c.meaning}) for c in self.columns])

    def table(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Some rows; what a row does not say is null. Arrow's own `from_pylist` takes seven times as long."""
        return pa.table([pa.array([row.get(c.name) for row in rows], c.type) for c in self.columns], schema=self.arrow)


TEXT = pa.struct([("text", pa.string()), ("origin", pa.string()), ("distance", pa.int32())])

FACE_BOXES = pa.list_(pa.struct([(name, pa.float64()) for name in ("left", "top", "right", "bottom", "confidence")]))
"""Of the column `face_boxes`: where faces are, in fractions of width and height of the upright picture (of its first frame)."""

LICENCE = pa.struct([("url", pa.string()), ("origin", pa.string())])

_OPT_OUT = pa.list_(pa.string())

_CHROME = Column(
    "chrome", pa.string(), "what it is if it is furniture of the page: logo, navigation, icon, avatar …; null for content"
)

_QUERY = Column("query", pa.string(), "what a search engine was asked; null where none was")

_ARCHIVED = (
    Column("archive", pa.string(), "file of the web archive that the answer was read from; null where a server was asked"),
    Column("archive_offset", pa.int64(), "where in that file its record begins, in bytes"),
)

_CAPTURE = Column("capture", pa.int64(), "which page of that file it is, from 0: an archive may hold one URL many times")

PAGES = TableSchema(
    "pages",
    "crawl",
    "one row for every page URL asked for or refused",
    (
        Column("url", pa.string(), "canonical URL of the page"),
        Column("host", pa.string(), "host and port it was asked of"),
        Column(
            "depth",
            pa.int32(),
            "links between the seeds and this page, counted when it was asked for; a seed, and a page of an archive, has 0",
        ),
        Column("round", pa.int32(), "round of the crawl in which it was decided"),
        Column("decision", pa.string(), "asked, or why it was refused: robots, robots_unreachable, denied, trap, budget"),
        Column("error", pa.string(), "class of the failure; null where an answer came"),
        Column("http_status", pa.int32(), "status of the answer; null where none came"),
        Column("content_type", pa.string(), "as the server said"),
        Column("location", pa.string(), "where a redirect points, canonical; it is a link of its own to the crawl"),
        Column(
            "reads", pa.string(), "what it was asked for as: page, rendered_page, sitemap, results; null where it was refused"
        ),
        Column("read_as", pa.string(), "what it turned out to be: page, sitemap, sitemap_index, results; or nothing"),
        Column("links", pa.list_(pa.string()), "canonical URLs the page links to, distinct, in page order"),
        Column("pair_count", pa.int32(), "pairs found on it"),
        Column("opt_out", _OPT_OUT, "signals by which page or site withhold what is on it, as signal:value"),
        Column("licences", pa.list_(LICENCE), "licences the page names, and where: rel_license, link, json_ld …"),
        Column("etag", pa.string(), "as the server said"),
        Column("last_modified", pa.string(), "as the server said"),
        Column("attempts", pa.int32(), "requests it took, redirects aside"),
        Column("sha256", pa.string(), "of the body as it came, hex"),
        *_ARCHIVED,
        _CAPTURE,
        Column("fetched_at", pa.timestamp("ms", "UTC"), "when the answer was complete"),
    ),
)

ROBOTS = TableSchema(
    "robots",
    "crawl",
    "the robots.txt of every host asked, fetched before anything else of it",
    (
        Column("origin", pa.string(), "scheme, host and port it holds for"),
        Column("host", pa.string(), "host and port"),
        Column("error", pa.string(), "class of the failure; null where an answer came"),
        Column("http_status", pa.int32(), "status of the last answer; null where none came"),
        Column("text", pa.string(), "its first 500 KiB, where the status was 2xx"),
        Column("tdmrep", pa.string(), "/.well-known/tdmrep.json of the origin, where there is one"),
        Column("ai_txt", pa.string(), "/ai.txt of the origin, where there is one"),
        Column("fetched_at", pa.timestamp("ms", "UTC"), "when the answer was complete"),
    ),
)

SITE_FILES = TableSchema(
    "site_files",
    "crawl",
    "what archives hold of the files in which hosts speak to machines; whoever is asked for anything is asked for his first",
    (*(column for column in ROBOTS.columns if column.name not in ("error", "http_status")), _ARCHIVED[0]),
)

FRONTIER = TableSchema(
    "frontier",
    "crawl",
    "the pages that the sources ask for: one row for every page within their depth and budget",
    (
        Column("url", pa.string(), "canonical URL of the page"),
        Column("depth", pa.int32(), "fewest links between a seed and this page"),
        Column("source", pa.string(), "the source that asks for it"),
        Column("reads", pa.string(), "what it is asked for as: page, rendered_page (its scripts are run), sitemap, results"),
        _QUERY,
        Column("at_most_pairs", pa.int64(), "how many of its pairs are wanted; null for all"),
        Column("only_archived", pa.bool_(), "true where nobody is asked for its images: no source names it but such archives"),
    ),
)

PAIRS = TableSchema(
    "pairs",
    "crawl",
    "what sources said: one row for every occurrence of an image",
    (
        Column("key", pa.string(), "id of the sample: hash of the canonical image URL"),
        Column("url", pa.string(), "canonical URL of the image"),
        Column("page_url", pa.string(), "page it stood on; null where a list or a search engine gave none"),
        Column(
            "found_at", pa.string(), "page of results that told of it; null for what was found on the page itself, or in a list"
        ),
        _QUERY,
        Column("position", pa.int64(), "which image of the page, of the page of results, or row of the list, from 0"),
        Column("source", pa.string(), "which source of the config found it: pages, urls …, with its number from 0"),
        Column("texts", pa.list_(TEXT), "candidate texts: as found, where from, and how far from the image in the page"),
        _CHROME,
        Column("capture", pa.int64(), "which page of the file of an archive told of it; null where none did"),
        Column(
            "extra",
            pa.string(),
            "further columns of the list that the config carries through, or what a search engine says: JSON",
        ),
    ),
)

IMAGES = TableSchema(
    "images",
    "crawl",
    "the answer to every image request, with its bytes; a later row of the same key is a retry and wins",
    (
        Column("key", pa.string(), "id of the sample"),
        Column("url", pa.string(), "canonical URL that was asked for"),
        Column("error", pa.string(), "class of the failure; null where the image came"),
        Column("http_status", pa.int32(), "status of the last answer; null where none came"),
        Column("final_url", pa.string(), "after redirects"),
        Column(
            "location", pa.string(), "where a redirect to another host points, for the class moved: the next round asks there"
        ),
        Column("hops", pa.int32(), "redirects followed so far"),
        Column(
            "robots",
            pa.string(),
            "what robots.txt of the image's host says: allowed, no_rules, disallowed, unreachable; null where nobody was asked",
        ),
        Column("opt_out", _OPT_OUT, "signals by which page, site or image withhold it, known when it was asked for"),
        Column("attempts", pa.int32(), "requests it took, redirects aside; 0 where it was not asked for"),
        Column("etag", pa.string(), "as the server said"),
        Column("last_modified", pa.string(), "as the server said"),
        Column("content_type", pa.string(), "as the server said; never believed"),
        *_ARCHIVED,
        Column("fetched_at", pa.timestamp("ms", "UTC"), "when the answer was complete"),
        Column("format", pa.string(), "jpg, png, webp, gif, bmp, tif or avif, recognised by its bytes"),
        Column("width", pa.int32(), "pixels, as stored"),
        Column("height", pa.int32(), "pixels, as stored"),
        Column("orientation", pa.int32(), "EXIF orientation, 1 to 8"),
        Column("image_bytes", pa.int64(), "size of the file in bytes"),
        Column("sha256", pa.string(), "of the file, hex"),
        Column("image", pa.large_binary(), "the file as it came"),
    ),
)

FETCH_FACTS = (
    "error",
    "http_status",
    "final_url",
    "robots",
    "archive",
    "format",
    "width",
    "height",
    "orientation",
    "image_bytes",
    "sha256",
)
"""Columns of `IMAGES` that `SAMPLES` repeats, so that reading them touches no bytes of images."""

_IMAGE_COLUMNS = {column.name: column for column in IMAGES.columns}

_SAMPLE_OPT_OUT = Column("opt_out", _OPT_OUT, "signals by which any of its pages, their sites, its host or the image withhold it")
_LICENCES = Column("licences", pa.list_(LICENCE), "licences that the page of its first occurrence names, and where")
_FOUND_BY = Column("query", pa.string(), "what a search engine was asked that found it first; null where none did")
_EXTRA = Column("extra", pa.string(), "what the list or the search engine that names it first says besides, as a JSON object")

SAMPLES = TableSchema(
    "samples",
    "crawl",
    "one row for every sample: its texts, the caption chosen, where it comes from, and what fetching it gave",
    (
        Column("key", pa.string(), "id of the sample: hash of the canonical image URL; no dots, 32 characters"),
        Column("url", pa.string(), "canonical URL of the image"),
        Column(
            "page_url",
            pa.string(),
            "page of its first occurrence: content before furniture, then the smallest (depth, page_url, position)",
        ),
        Column("depth", pa.int32(), "depth of that page"),
        Column("position", pa.int64(), "which image of that page"),
        Column("source", pa.string(), "source that found that occurrence"),
        _FOUND_BY,
        Column("occurrence_count", pa.int64(), "how often pages and lists name it"),
        Column("texts", pa.list_(TEXT), "all distinct candidate texts, nearest occurrence first"),
        Column("caption_found", pa.string(), "the text chosen, untouched; null where there was none"),
        Column("caption_origin", pa.string(), "where it stood: alt, figcaption, …"),
        Column("caption_reason", pa.string(), "why it was chosen over the others"),
        Column("chrome", pa.string(), "as what it is furniture of every page it stands on: logo, navigation …; null for content"),
        _SAMPLE_OPT_OUT,
        _LICENCES,
        _EXTRA,
        *(_IMAGE_COLUMNS[name] for name in FETCH_FACTS),
        Column("image_row", pa.int64(), "row of its bytes in the part of crawl/images with the same name"),
    ),
)

LEDGER = TableSchema(
    "ledger",
    "filter",
    "one row for every sample ever seen: kept, or dropped by what; `evidence` has what links wrote beside their scores",
    (
        Column("key", pa.string(), "id of the sample"),
        Column("kept", pa.bool_(), "true where it passed every link"),
        Column("dropped_by", pa.string(), "first link whose bound it missed, or fetch:<class>; null for the kept"),
        Column("score", pa.float64(), "what that link measured; null where it was unmeasurable"),
        Column("bound", pa.string(), "bound it missed, as the config writes it"),
        Column("duplicate_of", pa.string(), "key of the sample kept in its place"),
        Column("caption", pa.string(), "after the rewrites it reached"),
        _IMAGE_COLUMNS["robots"],
        _SAMPLE_OPT_OUT,
    ),
)

LEDGER_FACTS = ("robots", "opt_out")
"""Columns of `SAMPLES` that `LEDGER` repeats: what was decided before there was anything to measure."""

MANIFEST = TableSchema(
    "manifest",
    "shard",
    "one row for every published sample, in the order of the tar",
    (
        Column("key", pa.string(), "id of the sample; its members of the tar are <key>.<extension>"),
        Column("url", pa.string(), "canonical URL of the image"),
        Column("page_url", pa.string(), "page it was found on"),
        Column("caption", pa.string(), "as published in the .txt member"),
        Column("caption_found", pa.string(), "as the page had it"),
        Column("caption_origin", pa.string(), "where it stood"),
        Column("text_length", pa.int32(), "characters (code points) of the caption"),
        Column("width", pa.int32(), "pixels of the published image, as stored"),
        Column("height", pa.int32(), "pixels of the published image, as stored"),
        Column("format", pa.string(), "extension of the image member"),
        Column("image_bytes", pa.int64(), "size of the image member"),
        Column("sha256", pa.string(), "of the image member, hex"),
        Column("original_width", pa.int32(), "pixels of the image as it came, as stored; as img2dataset calls it"),
        Column("original_height", pa.int32(), "pixels of the image as it came, as stored; as img2dataset calls it"),
        Column("original_sha256", pa.string(), "of the image as it came, hex: that of the member where nothing was changed"),
        Column(
            "source", pa.string(), "source that found it first: its number in the config from 0, its kind, what it was pointed at"
        ),
        Column("occurrence_count", pa.int64(), "how often pages and lists name it"),
        _IMAGE_COLUMNS["http_status"],
        _IMAGE_COLUMNS["final_url"],
        _IMAGE_COLUMNS["archive"],
        _IMAGE_COLUMNS["robots"],
        _SAMPLE_OPT_OUT,
        _LICENCES,
        _FOUND_BY,
        _EXTRA,
    ),
)
"""Beside these a manifest has what the links of the chain measured (`Chain.published`); clock times stay in the crawl."""

LOOKED_UP_BY = ("key", "url", "sha256")
"""Columns of a manifest that have Bloom filters: a reader that looks for one sample opens no shard that lacks it."""

FORGOTTEN = TableSchema(
    "forgotten",
    "forget",
    "tombstones: what was taken out, and does not come back; a row holds a sample, or what alone is known of what is to stay out",
    (
        Column("key", pa.string(), "id of the sample; null where a host, a file or a picture is meant, wherever it stands"),
        Column("url", pa.string(), "canonical URL of the image"),
        Column("host", pa.string(), "every image of this domain, and on its pages, is forgotten"),
        Column("sha256", pa.string(), "every image with these bytes is forgotten, hex"),
        Column("phash", pa.string(), "every image whose phash is near to this one is forgotten; null where another row has it"),
        Column("shard", pa.string(), "shard that it was published in, where its place stays empty; null if it was not"),
    ),
)

TABLES = (ROBOTS, SITE_FILES, FRONTIER, PAGES, PAIRS, IMAGES, SAMPLES, LEDGER, MANIFEST, FORGOTTEN)
