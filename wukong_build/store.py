"""A run on a file system: parts that are there whole or not at all, and what each was made from.

A part is one Parquet file under its final name. It is written under a temporary name, synced and renamed (on an object
store: one PUT), so whoever finds it finds it whole. Its metadata carry the fingerprint of what made it and the digest of
what it holds. The store knows no stage and no column.
"""

from __future__ import annotations

import bisect
import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from wukong_build.errors import ConfigError, StoreError
from wukong_build.schema import SCHEMA_VERSION

NOT_CONTENT = ("image", "fetched_at")
"""Columns that a digest leaves out: bytes, which their sha256 stands for, and clock times."""

_HARDLY_REPEATED = ("image", "key", "sha256", "caption")
"""Columns that would be all of their dictionary: one is not even tried."""

SPILL = ".spill-"
"""How folders begin whose files are of no use to any other command than the one that made them."""

_TEMPORARY = ".tmp"

_DISK_ERRORS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EEXIST,
}
"""What a disk says that cannot be written; any other error inside a block that writes is about something else."""


class _Finished(msgspec.Struct):
    """What says that a stage is finished."""

    made_from: str
    schema_version: int = SCHEMA_VERSION


@contextlib.contextmanager
def new_folder(path: str) -> Iterator[Path]:
    """A folder of this machine that is there, whole, when the block ends, and not at all if it fails or is killed.

    ConfigError where it cannot be meant: it is there already with something in it, or is elsewhere.
    """
    folder = Path(path)
    if "://" in path:
        raise ConfigError(f"--into: found {path!r}; a folder on this machine is meant")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{path}: is there already, and is not overwritten; name another folder")
    temporary = folder.parent / f".{folder.name}.{os.getpid()}{_TEMPORARY}"
    with _explained(path):
        try:
            temporary.mkdir(parents=True)
            yield temporary
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def fingerprint_of(*made_of: Any) -> str:
    """One short name for everything a part was made from: settings, digests of inputs and resources, versions."""
    return hashlib.sha256(msgspec.json.encode(made_of, order="deterministic")).hexdigest()[:32]


def digest_of(table: pa.Table) -> str:
    """One short name for what a table holds, clock times and image bytes aside.

    Hashed as Parquet, which, unlike Arrow, stores nothing under a null and has one name for the items of lists: equal tables
    have equal digests, and a table that was written has the same when it is read.
    """
    names = [name for name in table.column_names if name not in NOT_CONTENT]
    content = pa.table([table[name] for name in names], names=names)  # without what the schema says of them
    sink = _Hashing()
    pq.write_table(
        content.combine_chunks(),
        pa.PythonFile(sink, mode="w"),
        row_group_size=max(1, len(table)),
        compression="none",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    )
    return sink.hash.hexdigest()[:32]


class _Hashing:
    """A file that only hashes what is written to it."""

    closed = False

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, block: bytes) -> int:
        self.hash.update(block)
        return len(block)

    def flush(self) -> None: ...

    def close(self) -> None: ...


class Store:
    """The files of one run, under a directory or an fsspec URL."""

    def __init__(self, root: str) -> None:
        self.url = root
        self.fs, self.root = fsspec.core.url_to_fs(root)
        self.is_local = "file" in self.fs.protocol

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    def exists(self) -> bool:
        """True where some command has worked on the run."""
        return bool(self.fs.exists(self.path("run.yaml")))

    def path(self, *names: str) -> str:
        """Full path, as `fs` wants it, of something below the run."""
        return "/".join((self.root, *names))

    def url_of(self, path: str) -> str:
        """A path as other readers want it: with its protocol, where it is not local."""
        return path if self.is_local else str(self.fs.unstrip_protocol(path))

    def part_path(self, stage: str, part: str) -> str:
        """Where a part lies, done or not."""
        return self.path(stage, f"{part}.parquet")

    def parts(self, stage: str) -> list[str]:
        """Names of the parts that are done, sorted."""
        folder = self.path(stage)
        if not self.fs.isdir(folder):
            return []
        names = (path.rsplit("/", 1)[-1] for path in self.fs.ls(folder, detail=False, refresh=True))
        return sorted(name.removesuffix(".parquet") for name in names if name.endswith(".parquet") and name[0] != ".")

    def part_paths(self, stage: str) -> list[str]:
        """Paths of the parts that are done, in the order of their names."""
        return [self.part_path(stage, part) for part in self.parts(stage)]

    def made_from(self, stage: str, part: str) -> str | None:
        """The fingerprint a part carries; None where it is not there."""
        return self._metadata(stage, part).get("fingerprint")

    def digest(self, stage: str, part: str) -> str:
        """The digest of what a part holds; empty where it is not there."""
        return self._metadata(stage, part).get("digest", "")

    def digests(self, stage: str) -> list[tuple[str, str]]:
        """(name, digest) of every part that is done."""
        return [(part, self.digest(stage, part)) for part in self.parts(stage)]

    def note(self, stage: str, part: str, name: str) -> str:
        """A note that the writer left in a part; empty where there is none."""
        return self._metadata(stage, part).get(name, "")

    def notes(self, stage: str, part: str) -> dict[str, str]:
        """All notes of a part, its fingerprint and digest among them."""
        return self._metadata(stage, part)

    def size(self, stage: str, part: str) -> int:
        """Bytes that a part takes."""
        return int(self.fs.size(self.part_path(stage, part)))

    def row_count(self, stage: str, part: str) -> int:
        """Rows of a part."""
        with self.open_part(stage, part) as file:
            return int(file.metadata.num_rows)

    def _metadata(self, stage: str, part: str) -> dict[str, str]:
        path = self.part_path(stage, part)
        if not self.fs.exists(path):
            return {}
        with self.fs.open(path, "rb") as file:
            metadata = pq.read_metadata(file).metadata or {}
        return msgspec.json.decode(metadata.get(b"wukong_build", b"{}"), type=dict[str, str])

    def read(self, stage: str, part: str, columns: list[str] | None = None) -> pa.Table:
        """A part, or some of its columns."""
        with self.open_part(stage, part) as file:
            return file.read(columns=columns).replace_schema_metadata(None)

    @contextlib.contextmanager
    def open_part(self, stage: str, part: str) -> Iterator[pq.ParquetFile]:
        """A part whose row groups are read one at a time.

        Threads of Arrow hold no Python file of a local run: one that lets go of what such a file gave while the interpreter
        ends aborts it (apache/arrow#34314).
        """
        path = self.part_path(stage, part)
        with pa.OSFile(path) if self.is_local else self.fs.open(path, "rb") as file:
            yield pq.ParquetFile(file, pre_buffer=not self.is_local)

    def rows_at(
        self, stage: str, part: str, places: Iterable[int], columns: list[str] | None = None
    ) -> Iterator[tuple[int, pa.Table]]:
        """Rows of a part, each with its place, in the order of the places; one row group is in memory at a time."""
        wanted = sorted(places)
        with self.open_part(stage, part) as file:
            first = 0
            for group in range(file.num_row_groups):
                last = first + file.metadata.row_group(group).num_rows
                here = [place for place in wanted if first <= place < last]
                if here:
                    rows = file.read_row_group(group, columns=columns)
                    yield from ((place, rows.slice(place - first, 1)) for place in here)
                first = last

    def values_at(self, stage: str, part: str, places: Sequence[int], column: str) -> Iterator[pa.Buffer]:
        """Bytes in a column of a part, at ascending places; one row group is in memory at a time, and none is copied."""
        with self.open_part(stage, part) as file:
            first = taken = 0
            for group in range(file.num_row_groups):
                last = first + file.metadata.row_group(group).num_rows
                until = bisect.bisect_left(places, last, taken)
                if until > taken:
                    (values,) = file.read_row_group(group, columns=[column])[column].chunks
                    yield from (values[int(place) - first].as_buffer() for place in places[taken:until])
                first, taken = last, until

    def write(
        self,
        stage: str,
        part: str,
        table: pa.Table,
        fingerprint: str = "",
        notes: dict[str, str] | None = None,
        *,
        looked_up_by: Iterable[str] = (),
    ) -> None:
        """Write a part whole; the columns by which single rows will be looked up have Bloom filters."""
        filters = {name: {"ndv": max(1, len(table)), "fpp": 0.01} for name in looked_up_by}
        with self.writing(stage, part, table.schema, fingerprint, filters) as writer:
            writer.write_table(table)
            writer.digest = digest_of(table)
            writer.notes = notes or {}

    def write_all(self, stage: str, part: str, schema: pa.Schema, tables: Iterable[pa.Table], fingerprint: str = "") -> None:
        """Write a part of any size, a table at a time; each becomes a row group."""
        with self.writing(stage, part, schema, fingerprint) as writer:
            for table in tables:
                rows = table.select(schema.names).cast(schema)
                writer.write_table(rows)
                writer.digest = fingerprint_of(writer.digest, digest_of(rows))

    @contextlib.contextmanager
    def writing(
        self, stage: str, part: str, schema: pa.Schema, fingerprint: str = "", filters: Mapping[str, Any] | None = None
    ) -> Iterator[PartWriter]:
        """A part written row group by row group; it is there when the block ends, and not at all if the block fails."""
        with self.replacing(f"{stage}/{part}.parquet") as file, _sink(file) as sink:
            writer = PartWriter(sink, schema, filters or {})
            try:
                yield writer
                writer.close(fingerprint)
            finally:
                writer.abandon()

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[IO[bytes]]:
        """A file below the run, read and written at will, and then put in the place of the old one at once."""
        path = self.path(name)
        if not self.is_local:
            with tempfile.TemporaryFile() as file:
                yield file
                file.seek(0)
                with self.fs.open(path, "wb") as remote:  # visible when the upload is complete, not before
                    shutil.copyfileobj(file, remote, 1 << 20)
            return
        folder, _, base = path.rpartition("/")
        temporary = Path(folder, f".{base}.{os.getpid()}{_TEMPORARY}")
        with _explained(path):
            Path(folder).mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("w+b") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(folder)

    def finish(self, stage: str, made_from: str) -> None:
        """Note that all parts of a stage are there, and what they were made from."""
        with self.replacing(f"{stage}/finished.json") as file:
            file.write(msgspec.json.encode(_Finished(made_from)))

    def unfinish(self, stage: str) -> None:
        """Note that work on a stage has begun: until it is finished nobody reads its parts."""
        self.delete(stage, "finished.json")

    def finished(self, stage: str) -> str | None:
        """What a finished stage was made from; None where it is not finished, or where what says so is damaged."""
        path = self.path(stage, "finished.json")
        if not self.fs.exists(path):
            return None
        try:
            return msgspec.json.decode(self.fs.cat_file(path), type=_Finished).made_from
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def delete(self, *names: str) -> None:
        """Remove a file below the run, if it is there."""
        path = self.path(*names)
        if self.fs.exists(path):
            self.fs.rm(path)

    def delete_stage(self, stage: str) -> None:
        """Remove a folder of parts with all that is in it."""
        if self.fs.isdir(self.path(stage)):
            self.fs.rm(self.path(stage), recursive=True)

    def delete_part(self, stage: str, part: str) -> None:
        """Remove a part, if it is there."""
        self.delete(stage, f"{part}.parquet")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else works on the run inside the block; a killed command leaves no lock behind.

        Only a local run is locked: object stores have no locks, there the user must not start two commands at once.
        """
        if not self.is_local:
            yield
            return
        lock = Path(self.root, ".lock")
        with _explained(self.root):
            lock.parent.mkdir(parents=True, exist_ok=True)
            opened = lock.open("w")
        with opened as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(f"{self.url}: another command works on this run; wait for it to end, or stop it") from None
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove what killed commands left under temporary names."""
        for path in Path(self.root).rglob(f".*{_TEMPORARY}"):
            path.unlink(missing_ok=True)
        for folder in Path(self.root).glob(f"{SPILL}*"):
            shutil.rmtree(folder, ignore_errors=True)


class PartWriter:
    """Writes one Parquet file row group by row group; `digest` and further `notes` may be set before it is closed."""

    def __init__(self, file: pa.NativeFile, schema: pa.Schema, filters: Mapping[str, Any]) -> None:
        self.digest = ""
        self.notes: dict[str, str] = {}
        plain = [name for name in schema.names if name == "image"]  # image formats are compressed already
        compression = {name: "none" if name in plain else "zstd" for name in _leaves(schema)}
        self._writer = pq.ParquetWriter(
            file,
            schema,
            compression=compression,
            compression_level={name: 1 for name, codec in compression.items() if codec == "zstd"},
            use_dictionary=[name for name in _leaves(schema) if name not in _HARDLY_REPEATED],
            write_statistics=[name for name in _leaves(schema) if name not in plain],
            store_schema=True,
            write_page_index=True,
            bloom_filter_options=dict(filters),
        )

    def write_table(self, table: pa.Table) -> None:
        """One more row group."""
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def close(self, fingerprint: str) -> None:
        """Write the footer, which says what the part was made from and what it holds."""
        facts = {"fingerprint": fingerprint, "digest": self.digest, "schema_version": str(SCHEMA_VERSION), **self.notes}
        self._writer.add_key_value_metadata({"wukong_build": msgspec.json.encode(facts).decode()})
        self._writer.close()

    def abandon(self) -> None:
        """Write no more: pyarrow would close an open writer when it is garbage, and its file is gone by then."""
        self._writer.is_open = False


@contextlib.contextmanager
def _sink(file: IO[bytes]) -> Iterator[pa.NativeFile]:
    """What Arrow writes to: the file itself where it has a name, which spares every byte a copy into Python."""
    if isinstance(file.name, str):
        with pa.OSFile(file.name, "wb") as sink:
            yield sink
    else:
        yield pa.PythonFile(file, mode="w")


def _leaves(schema: pa.Schema) -> Iterable[str]:
    """Column paths as Parquet names them, down to the leaves of lists and structs."""

    def walk(name: str, kind: pa.DataType) -> Iterable[str]:
        if pa.types.is_struct(kind):
            for index in range(kind.num_fields):
                yield from walk(f"{name}.{kind.field(index).name}", kind.field(index).type)
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            yield from walk(f"{name}.list.element", kind.value_type)
        else:
            yield name

    for field in schema:
        yield from walk(field.name, field.type)


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """What a disk refuses, as a user can mend it."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise StoreError(
            f"{path} cannot be written: {os.strerror(error.errno)}; free or repair that disk and run the same command again"
        ) from error


def _sync_folder(folder: str) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
