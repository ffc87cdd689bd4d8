"""Shards from the selection and the images of the crawl: a group of tars is filled side by side, in one reading of the crawl.

Memory is bounded by a row group of images and the rows of one shard; of the others it holds some 100 bytes a sample.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, ClassVar

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wukong_build.errors import StoreError
from wukong_build.executors import Part
from wukong_build.picture import Picture
from wukong_build.schema import LOOKED_UP_BY
from wukong_build.shards import ShardSettings
from wukong_build.shards.blur import Box, boxes_of
from wukong_build.shards.index import dali_index
from wukong_build.shards.members import PUBLIC, image_member, text_members
from wukong_build.shards.metadata import stripped
from wukong_build.shards.resize import ImageFile, resized
from wukong_build.shards.statistics import shard_statistics
from wukong_build.shards.tar import Tar, put
from wukong_build.stages.selection import PLACE, SELECTION, samples_of
from wukong_build.store import Store, fingerprint_of

VERSION = 3
"""Raised when the same samples would give other bytes than before."""

_CHANGED = ("format", "width", "height", "image_bytes", "sha256")
"""Columns of the selection that tell of the image as it came, and of the manifest that tell of the image as it is published."""

_FACTS = np.dtype(
    [("place", "i8"), ("format", "S4"), ("width", "i4"), ("height", "i4"), ("image_bytes", "i8"), ("sha256", "S64")]
)
"""What is known of each changed image: where it lies, and what `_CHANGED` will say."""


class ShardStage(msgspec.Struct, frozen=True):
    """Shards, a group of them at a time."""

    settings: ShardSettings
    groups: tuple[tuple[Part, ...], ...]

    name: ClassVar[str] = "shards"
    appends: ClassVar[bool] = True

    def parts(self, store: Store) -> list[Part]:
        """The first shard of each group."""
        return [group[0] for group in self.groups]

    def work(self, store: Store, part: Part) -> str:
        """Write the tars of a group; then for each shard the statistics and, last, the manifest.

        A tar that would have the same members stays as it is.
        """
        group = next(group for group in self.groups if group[0] == part)
        kept = {shard.name: sha256 for shard in group if (sha256 := self._sha256_if_it_stays(store, shard))}
        counts = [
            self._publish(store, shard, store.read(SELECTION, shard.name), kept[shard.name])
            for shard in group
            if shard.name in kept
        ]
        if len(kept) < len(group):
            counts += self._write([shard for shard in group if shard.name not in kept], store)
        return f"{sum(counts)} samples in {len(group)} shards" if len(group) > 1 else f"{counts[0]} samples"

    def _write(self, group: Sequence[Part], store: Store) -> list[int]:
        """Write a group from nothing; gives the count of samples of each."""
        for shard in group:  # so that wherever there are statistics they are those of the tar beside them
            for name in (f"{shard.name}.parquet", f"{shard.name}_stats.json", f"{shard.name}.idx"):
                store.delete(self.name, name)
        columns = [*PLACE.names, *_CHANGED, *(["key", "face_boxes"] if self.settings.blur_faces else [])]
        selections = [store.read(SELECTION, shard.name, columns) for shard in group]
        first = np.cumsum([0, *map(len, selections)])
        images = pa.concat_tables(selections)
        del selections
        write = self._write_changed if self.settings.changes_images else self._write_as_they_came
        return write(store, group, images, first)

    def _members(self, store: Store, shard: Part) -> str:
        """One short name for all that is to be in a tar."""
        return fingerprint_of(VERSION, store.note(SELECTION, shard.name, "members"), self.settings.bytes_depend_on())

    def _sha256_if_it_stays(self, store: Store, shard: Part) -> str | None:
        """The digest of a tar that is there and has all that it is to have; what changed pictures are only a manifest knows."""
        statistics = store.path(self.name, f"{shard.name}_stats.json")
        if self.settings.changes_images or not all(
            map(store.fs.exists, (statistics, store.path(self.name, f"{shard.name}.tar")))
        ):
            return None
        said = msgspec.json.decode(store.fs.cat_file(statistics), type=dict[str, Any])
        return str(said["tar_sha256"]) if said.get("members") == self._members(store, shard) else None

    def _write_as_they_came(
        self, store: Store, group: Sequence[Part], images: pa.Table, first: npt.NDArray[np.int64]
    ) -> list[int]:
        """All tars are laid out, as the size of each picture is known; then each picture is put where it belongs."""
        places, sizes = np.empty(len(images), np.int64), images["image_bytes"].to_numpy()
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(store.replacing(f"{self.name}/{shard.name}.tar")) for shard in group]
            for number, (shard, file) in enumerate(zip(group, files, strict=True)):
                places[first[number] : first[number + 1]] = self._lay_out(store, shard, file, store.read(SELECTION, shard.name))
            for row, image in _images(store, images):
                if len(image) != sizes[row]:
                    raise StoreError(
                        f"{store.url}: an image of the crawl has {len(image)} bytes where its sample says {sizes[row]}"
                    )
                put(files[np.searchsorted(first, row, "right") - 1], memoryview(image), int(places[row]))
            digests = [_sha256(file) for file in files]
        return [
            self._publish(store, shard, store.read(SELECTION, shard.name), digest)
            for shard, digest in zip(group, digests, strict=True)
        ]

    def _write_changed(self, store: Store, group: Sequence[Part], images: pa.Table, first: npt.NDArray[np.int64]) -> list[int]:
        """All pictures are changed, into a file without a name; then the size of each is known, and tar after tar is written."""
        facts = np.zeros(len(images), _FACTS)
        came = [images[name].to_pylist() for name in ("format", "width", "height")]
        counts, place = [], 0
        with tempfile.TemporaryFile(dir=store.root if store.is_local else None) as scratch:
            for row, image in _images(store, images):
                faces = images["face_boxes"][row].as_py() if self.settings.blur_faces else None
                made = self._changed(ImageFile(image.to_pybytes(), *(column[row] for column in came)), boxes_of(faces or ()))
                if made is None:
                    raise StoreError(
                        f"{store.url}: sample {images['key'][row]} has faces to blur, and its picture cannot be encoded anew; "
                        "`decodable: {at_least: 1}` in `filter` drops what cannot be decoded"
                    )
                digest = hashlib.sha256(made.content).hexdigest()
                facts[row] = (place, made.format, made.width, made.height, len(made.content), digest)
                put(scratch, made.content, place)
                place += len(made.content)
            for number, shard in enumerate(group):
                here = facts[first[number] : first[number + 1]]
                selection = _with_facts(store.read(SELECTION, shard.name), here)
                with store.replacing(f"{self.name}/{shard.name}.tar") as file:
                    for fact, where in zip(here, self._lay_out(store, shard, file, selection), strict=True):
                        put(file, os.pread(scratch.fileno(), fact["image_bytes"], fact["place"]), where)
                    digest = _sha256(file)
                counts.append(self._publish(store, shard, selection, digest))
        return counts

    def _changed(self, came: ImageFile, faces: Sequence[Box]) -> ImageFile | None:
        """The picture as the settings want it; one that cannot be decoded stays as it came, or is None where it shows faces."""
        resize = self.settings.resize
        if resize.mode != "no" and (made := resized(came.content, resize, faces)) is not None:
            return made
        if faces or (self.settings.blur_faces and (Picture(came.content).frame_count or 1) > 1):  # only the first was looked at
            made = resized(came.content, msgspec.structs.replace(resize, mode="no"), faces)
            if made is not None or faces:
                return made
        return came._replace(content=stripped(came.content, came.format)) if self.settings.strip_metadata else came

    def _lay_out(self, store: Store, shard: Part, file: IO[bytes], selection: pa.Table) -> list[int]:
        """Write all of a tar but the bytes of its images, and its index; gives the place of each image."""
        rows = selection.select([*dict.fromkeys((*PUBLIC, "image_bytes", *self.settings.scores))]).to_pylist()
        samples: list[list[tuple[str, int]]] = []
        contents: dict[str, bytes] = {}
        for row in rows:
            texts = text_members(row, self.settings.scores)
            contents |= texts
            samples.append([(image_member(row), row["image_bytes"]), *((name, len(text)) for name, text in texts.items())])
        tar = Tar(member for members in samples for member in members)
        tar.lay_out(file, contents)
        if "dali" in self.settings.index:
            with store.replacing(f"{self.name}/{shard.name}.idx") as index:
                index.write(dali_index([[(name, tar.place(name), size) for name, size in members] for members in samples]))
        return [tar.place(members[0][0]) for members in samples]

    def _publish(self, store: Store, shard: Part, selection: pa.Table, sha256: str) -> int:
        """Write statistics and manifest of a shard whose tar is there; gives its count of samples."""
        manifest = selection.drop_columns(PLACE.names)
        statistics = shard_statistics(manifest) | {"members": self._members(store, shard), "tar_sha256": sha256}
        with store.replacing(f"{self.name}/{shard.name}_stats.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(statistics)))
        notes = {"tar_sha256": sha256, "samples": samples_of(store, shard.name)}
        store.write(self.name, shard.name, manifest, shard.fingerprint, notes, looked_up_by=LOOKED_UP_BY)
        return len(manifest)


def _images(store: Store, rows: pa.Table) -> Iterator[tuple[int, pa.Buffer]]:
    """The image of each of the rows, with its number, in the order in which they lie; one row group is in memory at a time."""
    parts = rows["part"].combine_chunks().dictionary_encode()
    part_of, row_of = parts.indices.to_numpy(), rows["image_row"].to_numpy()
    order = np.lexsort((row_of, part_of))
    for piece in np.split(order, np.flatnonzero(np.diff(part_of[order])) + 1):
        if len(piece):
            part = parts.dictionary[int(part_of[piece[0]])].as_py()
            yield from zip(piece.tolist(), store.values_at("crawl/images", part, row_of[piece], "image"), strict=True)


def _with_facts(selection: pa.Table, facts: npt.NDArray[Any]) -> pa.Table:
    """The rows of a selection, which tell of images as they are published now."""
    for name in _CHANGED:
        field = selection.schema.field(name)
        column = pa.array(facts[name]).cast(field.type)
        selection = selection.set_column(selection.schema.get_field_index(name), field, column)
    return selection


def _sha256(file: IO[bytes]) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
