"""Samples that stand in evaluation sets as well: a model trained on them would be tested on what it has seen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, NamedTuple

import fsspec
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.hash_index import HashIndex, words_of
from wukong_build.hashing import text_hashes
from wukong_build.links import Columns, CorpusFilter
from wukong_build.perceptual import phashes
from wukong_build.picture import Picture

_ITEMS = pa.schema({"set": pa.string(), "item": pa.string(), "phash": pa.uint64(), "caption_hash": pa.uint64()})
_AT_ONCE = 256  # items read together, so that few pictures are in memory
_COLUMNS = ("image", "phash", "caption")


class EvaluationOverlap(CorpusFilter, frozen=True, kw_only=True):
    """1 for a sample whose picture looks like one of an evaluation set, or whose caption stands there; else 0.

    A set is a folder of images, with captions in `.txt` files, one a line; a WebDataset tar with such members; or Parquet with
    any of the columns `image`, `phash` and `caption`. Its pictures are hashed as the link `phash` hashes those of the corpus,
    once. Captions are compared by their letters and digits alone, in lower case and normal width.
    """

    reads: ClassVar[tuple[str, ...]] = ("phash", "caption")
    writes: ClassVar[dict[str, pa.DataType]] = {
        "evaluation_overlap_by": pa.string(),
        "evaluation_overlap_set": pa.string(),
        "evaluation_overlap_item": pa.string(),
        "evaluation_overlap_distance": pa.int32(),
    }
    meaning: ClassVar[str] = "1 if the sample stands in an evaluation set, by its image or by its caption; 0 if it does not"
    score_type: ClassVar[pa.DataType] = pa.int32()

    sets: tuple[str, ...] = ()
    """Folders, tars and Parquet files with evaluation sets."""
    hamming_distance: Annotated[int, msgspec.Meta(ge=0, le=10)] = 4
    """Within which pictures look alike, of 64 bits."""
    shortest_caption: Annotated[int, msgspec.Meta(ge=1)] = 8
    """Letters and digits of a caption that tells of its set; a shorter one, such as the name of a class, may stand anywhere."""

    def resources(self) -> tuple[str, ...]:
        """Every file of the sets."""
        return tuple(file for name in self.sets for file in _files(name))

    def survey(self, batch: Batch) -> pa.Table:
        """Nothing: the look-up is made of the sets alone."""
        return _ITEMS.empty_table()

    def merge(self, surveys: pa.Table) -> pa.Table:
        """The hashes of all pictures and captions of the sets. ConfigError where a set cannot be read, or holds neither."""
        return pa.concat_tables([_ITEMS.empty_table(), *(self._hashed(name) for name in self.sets)])

    def measure(self, batch: Batch, merged: pa.Table) -> Columns:
        """All five columns, by the image where both match; null where there is no phash and the caption matches none."""
        looks = batch["phash"]
        pictures = merged.filter(merged["phash"].is_valid())
        known = HashIndex(pictures["phash"].to_numpy()[:, None])
        found, distances = (np.full(len(batch), -1) for _ in range(2))
        found[looks.is_valid()], distances[looks.is_valid()] = known.nearest(
            words_of(looks.drop_null().to_pylist(), 64), self.hamming_distance
        )
        by_image = pa.array(found, mask=found < 0)
        captions = merged.filter(merged["caption_hash"].is_valid())
        by_caption = pc.index_in(self._caption_hashes(batch["caption"]), value_set=captions["caption_hash"])
        matched = pc.or_(by_image.is_valid(), by_caption.is_valid())
        by = pc.if_else(by_image.is_valid(), "image", pc.if_else(by_caption.is_valid(), "caption", None))
        return {
            self.name(): pc.if_else(pc.or_(matched, looks.is_valid()), matched.cast(self.score_type), None),
            "evaluation_overlap_by": by.cast(pa.string()),
            **{
                f"{self.name()}_{name}": pc.coalesce(
                    pictures[name].combine_chunks().take(by_image), captions[name].combine_chunks().take(by_caption)
                )
                for name in ("set", "item")
            },
            "evaluation_overlap_distance": pa.array(distances, pa.int32(), mask=distances < 0),
        }

    def _hashed(self, name: str) -> pa.Table:
        """The items of a set, as the look-up has them."""
        tables: list[pa.Table] = []
        try:
            items = _items(name)
            while some := list(islice(items, _AT_ONCE)):
                found = phashes([item.picture for item in some])
                hashes = [item.phash or each for item, each in zip(some, found, strict=True)]
                columns = {
                    "set": [name] * len(some),
                    "item": [item.name for item in some],
                    "phash": [None if each is None else int(each, 16) for each in hashes],
                    "caption_hash": self._caption_hashes(pa.array([item.caption for item in some], pa.string())),
                }
                tables.append(pa.table(columns, schema=_ITEMS))
        except Exception as error:
            raise ConfigError(f"evaluation set {name!r}: cannot be read: {error}") from error  # files may be broken in any way
        if not tables:
            raise ConfigError(
                f"evaluation set {name!r}: holds no image and no caption; a folder, a tar or a Parquet file with images, "
                f".txt files or the columns {', '.join(_COLUMNS)} is meant"
            )
        return pa.concat_tables(tables)

    def _caption_hashes(self, captions: pa.Array) -> pa.Array:
        """64 bits of the letters and digits of each caption; null where there are too few."""
        letters = pc.replace_substring_regex(pc.utf8_lower(pc.utf8_normalize(captions, "NFKC")), r"[^\pL\pN]+", "")
        return text_hashes(pc.if_else(pc.greater_equal(pc.utf8_length(letters), self.shortest_caption), letters, None))


class _Item(NamedTuple):
    """One picture or one caption of an evaluation set."""

    name: str
    """Where in the set it stands."""
    picture: Picture | None = None
    phash: str | None = None
    caption: str | None = None


def _files(name: str) -> list[str]:
    """The files of a set, in order: all in a folder but the hidden ones, or the one that is named."""
    try:
        file_system, path = fsspec.url_to_fs(name)
        if not file_system.isdir(path):
            return [name]
        start = len(file_system.unstrip_protocol(path).rstrip("/"))
        below = [file_system.unstrip_protocol(each)[start:] for each in sorted(file_system.find(path))]
    except (OSError, ValueError, ImportError):  # no such protocol: whoever reads the file says so
        return [name]
    return [name.rstrip("/") + each for each in below if not PurePosixPath(each).name.startswith(".")]


def _items(name: str) -> Iterator[_Item]:
    """What a set holds: one item for each picture, each line of a `.txt`, and each row of a table."""
    for file in _files(name):
        within = file[len(name) :].lstrip("/") or PurePosixPath(file).name
        with resources.opened(file) as opened:
            match PurePosixPath(file).suffix.lower():
                case ".parquet":
                    yield from _rows(within, pq.ParquetFile(opened))
                case ".tar":
                    from webdataset.tariterators import tar_file_iterator  # heavy, and rarely wanted

                    for member in tar_file_iterator(opened):
                        yield from _item(f"{within}/{member['fname']}", member["data"])
                case _:
                    yield from _item(within, opened.read())


def _item(name: str, content: bytes) -> Iterator[_Item]:
    """What one file holds."""
    if name.lower().endswith(".txt"):
        for number, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
            yield _Item(f"{name}:{number}", caption=line)
    elif (picture := Picture(content)).header is not None:
        yield _Item(name, picture)


def _rows(name: str, file: pq.ParquetFile) -> Iterator[_Item]:
    """What a table holds: of an image also as Hugging Face's datasets have it, of captions also several a row."""
    columns = [column for column in _COLUMNS if column in file.schema_arrow.names]
    rows = (row for batch in file.iter_batches(_AT_ONCE, columns=columns) for row in batch.to_pylist()) if columns else ()
    for number, row in enumerate(rows):
        image, captions = row.get("image"), row.get("caption")
        content = image.get("bytes") if isinstance(image, dict) else image
        if content or row.get("phash"):
            yield _Item(f"{name}:{number}", None if content is None else Picture(content), row.get("phash"))
        for caption in captions if isinstance(captions, list) else [captions]:
            if caption:
                yield _Item(f"{name}:{number}", caption=caption)
