"""Whether a published dataset is what it says: every digest, every member of every tar, every key; each file is read once.

Works on what this program published and on any folder laid out as img2dataset lays it out; what such a folder gives no means to
check is told of. Knows nothing of the run around it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import operator
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wukong_build.errors import StoreError, shown
from wukong_build.picture import AT_MOST_PIXELS, FORMATS, Picture
from wukong_build.schema import SCHEMA_VERSION
from wukong_build.shards.published import CHECKSUMS, KINDS, checksums_read, files_of, shard_of
from wukong_build.shards.tar_reading import BrokenTar, Reader, read_members
from wukong_build.store import Store, digest_of

_EXTENSIONS = frozenset((*FORMATS.values(), "jpeg"))
"""What names of image members end in."""

_MEMBER = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)", re.DOTALL)
"""Key and extension, as webdataset reads the name of a member."""

_AT_ONCE = 1 << 20

MOST = 5
"""Findings of one kind in one file that are told one by one: a manifest beside another tar gives as many as it has rows."""

_TYPES = {"key": pa.string(), "url": pa.string(), "caption": pa.string(), "format": pa.string(), "sha256": pa.string()}
"""Types of columns that members are held against, in manifests of any program that has them."""

_OURS = "tar_sha256"
"""A note of the manifests that this program writes."""


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that is not as it should be."""

    file: str
    member: str | None
    """A member of the tar, or the key of a row; None where it is the file itself."""
    found: str
    right: str

    def told(self) -> str:
        """On one line."""
        place = self.file if self.member is None else f"{self.file}: {self.member}"
        return f"{place}: {self.found}; right would be {self.right}"

    def below(self, folder: str) -> Finding:
        """The same, of a folder's file."""
        return Finding(f"{folder}/{self.file}", self.member, self.found, self.right)


class Report(msgspec.Struct):
    """What was looked at, what was found, and what could not be checked."""

    findings: list[Finding] = []
    unchecked: list[str] = []
    files: int = 0
    samples: int = 0
    bytes: int = 0


def verify_folder(store: Store, folder: str, *, deep: bool = False) -> Report:
    """Look at every file of a published dataset; with `deep` every picture is decoded. StoreError where there is none."""
    names = files_of(store, folder)
    shards: dict[str, set[str]] = {}
    for name in names:
        if found := shard_of(name):
            shards.setdefault(found[0], set()).add(found[1])
    if not shards and CHECKSUMS not in names:
        raise StoreError(f"{store.path(folder) if folder else store.url}: there are no shards here, such as 00000.tar")
    files = _Files(store, folder)
    report = Report(files=len(names))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        looks = list(threads.map(lambda name: _look(files, name, shards[name], deep), sorted(shards)))
        others = [name for name in names if not shard_of(name)]
        contents = dict(zip(others, threads.map(functools.partial(_content, files), others), strict=True))
    is_ours = CHECKSUMS in contents or any(look.is_ours for look in looks)
    expected = set(KINDS) if is_ours else set().union(*shards.values())
    for look in looks:
        for kind in sorted(expected - shards[look.name]):
            report.findings.append(Finding(look.name + kind, None, "is missing", f"a file beside the others of {look.name}"))
        report.findings += look.told()
        report.samples += look.count
    report.findings += _twice(look.keys for look in looks)
    report.findings += [Finding(name, None, *told) for name, told in files.unreadable.items()]
    report.bytes = files.bytes
    if (checksums := contents.get(CHECKSUMS)) is not None:
        report.findings += _against_checksums(checksums.decode("utf-8", "backslashreplace"), files)
    elif is_ours and CHECKSUMS not in contents:
        report.findings.append(Finding(CHECKSUMS, None, "is missing", "the file that `wukong-build shard` writes last"))
    report.unchecked = _unchecked(expected, deep=deep, is_ours=is_ours)
    report.findings.sort(key=lambda finding: (finding.file, finding.member or ""))
    return report


def _unchecked(kinds: set[str], *, deep: bool, is_ours: bool) -> list[str]:
    """What a dataset gives no means to check, or nobody wished to."""
    said = []
    if not is_ours:
        said.append(f"bytes that every reader passes over: there is no {CHECKSUMS}, nor a digest of whole tars")
        said.append("digests of pictures: a manifest of another program may mean those before it re-encoded them")
        said += [f"what `{kind}` files would say: there are none" for kind in sorted(set(KINDS) - kinds)]
    return said if deep else [*said, "whether pictures can be decoded: --deep looks"]


class _Files:
    """The files of one dataset, each read once and hashed on the way."""

    def __init__(self, store: Store, folder: str) -> None:
        self.digests: dict[str, str] = {}
        self.unreadable: dict[str, tuple[str, str]] = {}
        self.bytes = 0
        self._store = store
        self._folder = [folder] if folder else []

    def content(self, name: str) -> bytes:
        """All of a file."""
        content = bytes(self._store.fs.cat_file(self._store.path(*self._folder, name)))
        self._note(name, hashlib.sha256(content).hexdigest(), len(content))
        return content

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[_Hashed]:
        """A file that is read from its beginning; what is left of it is read at the end."""
        with self._store.fs.open(self._store.path(*self._folder, name), "rb") as file:
            hashed = _Hashed(file)
            yield hashed
            while hashed.read(_AT_ONCE):
                pass
        self._note(name, hashed.sha256.hexdigest(), hashed.size)

    def give_up(self, name: str, error: OSError) -> None:
        """Note that a file cannot be read."""
        self.unreadable[name] = (f"cannot be read: {on_one_line(error)}", "a file that can be read")

    def _note(self, name: str, digest: str, size: int) -> None:
        self.digests[name] = digest
        self.bytes += size


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.sha256 = hashlib.sha256()
        self.size = 0
        self._file = file

    def read(self, size: int, /) -> bytes:
        """The next bytes."""
        block = self._file.read(size)
        self.sha256.update(block)
        self.size += len(block)
        return block


def _look(files: _Files, name: str, kinds: set[str], deep: bool) -> _Look:
    """Look at the files of one shard."""
    look = _Look(name, deep)
    if ".parquet" in kinds and (content := _content(files, f"{name}.parquet")) is not None:
        look.at_manifest(content)
    if ".tar" in kinds:
        try:
            with files.reading(f"{name}.tar") as file:
                look.at_tar(file)
        except OSError as error:
            files.give_up(f"{name}.tar", error)
        else:
            look.at_digest(files.digests[f"{name}.tar"])
    if "_stats.json" in kinds and (content := _content(files, f"{name}_stats.json")) is not None:
        look.at_statistics(content)
    return look


def _content(files: _Files, name: str) -> bytes | None:
    """All of a file; None where it cannot be read."""
    try:
        return files.content(name)
    except OSError as error:
        files.give_up(name, error)
        return None


class _Look:
    """A look at one shard: at its manifest, then at its tar, then at its statistics, each against those before it."""

    def __init__(self, name: str, deep: bool) -> None:
        self.name = name
        self.count = 0
        self.row_count = 0
        self.keys: list[str] = []
        self.notes: dict[str, str] = {}
        self._deep = deep
        self._columns: dict[str, list[Any]] | None = None
        self._rows: dict[str, int] = {}
        self._seen: set[str] = set()
        self._last_row = -1
        self._findings: list[Finding] = []
        self._more: Counter[tuple[str, str]] = Counter()

    @property
    def is_ours(self) -> bool:
        """Whether this program wrote the manifest."""
        return _OURS in self.notes

    def told(self) -> list[Finding]:
        """What was found; of many findings of one kind the first, and how many there are."""
        more = ((file, kind, count - MOST) for (file, kind), count in self._more.items() if count > MOST)
        return self._findings + [Finding(file, None, f"{count} more members: {kind}", "none") for file, kind, count in more]

    def _tell(self, suffix: str, found: str, right: str, member: str | None = None, kind: str = "") -> None:
        file = self.name + suffix
        self._more[file, kind] += bool(kind)
        if self._more[file, kind] <= MOST:
            self._findings.append(Finding(file, member, found, right))

    def at_manifest(self, content: bytes) -> None:
        """Read the manifest."""
        try:
            file = pq.ParquetFile(pa.BufferReader(content))
            table = file.read().replace_schema_metadata(None)
            noted = (file.metadata.metadata or {}).get(b"wukong_build", b"{}")
            self.notes = msgspec.json.decode(noted, type=dict[str, str])
            digest = digest_of(table)
            columns = {name: table[name].to_pylist() for name in table.column_names if not pa.types.is_nested(table[name].type)}
        except Exception as error:  # noqa: BLE001  a damaged file raises anything, and each means the same
            self._tell(".parquet", f"cannot be read: {on_one_line(error)}", "a Parquet file")
            return
        for name, kind in _TYPES.items():
            if name in columns and table.schema.field(name).type != kind:
                self._tell(".parquet", f"has a column `{name}` of the type {table.schema.field(name).type}", f"{kind}")
                del columns[name]
        if not all(isinstance(key, str) for key in columns.get("key", [None])):
            self._tell(".parquet", "has no column `key` of texts", "a manifest, one row a sample")
            return
        if self.notes.get("digest", digest) != digest:
            self._tell(".parquet", f"holds rows whose digest is {digest}", f"{self.notes['digest']}, as its own note says")
        if (version := self.notes.get("schema_version", "0")).isdecimal() and int(version) > SCHEMA_VERSION:
            self._tell(".parquet", f"has schema version {version}", f"{SCHEMA_VERSION} at most, or a later wukong-build")
        self.row_count = len(table)
        came = [row for row, status in enumerate(columns.get("status", ["success"] * len(table))) if status == "success"]
        self._columns = {name: [values[row] for row in came] for name, values in columns.items()}
        self.keys = self._columns["key"]
        self._rows = {key: row for row, key in enumerate(self.keys)}

    def at_tar(self, file: Reader) -> None:
        """Read the tar, a sample at a time."""
        try:
            for key, members in itertools.groupby(self._members(file), key=operator.itemgetter(0)):
                sample: dict[str, bytes] = {}
                for _, extension, content in members:
                    if extension in sample:
                        self._tell(".tar", "stands twice", "once", f"{key}.{extension}", "twice")
                    sample[extension] = content
                self._at_sample(key, sample)
        except BrokenTar as error:
            self._tell(".tar", str(error), "a whole tar")
        if self._columns is None:
            self.keys = sorted(self._seen)
        for missing in self.keys:
            if missing not in self._seen:
                self._tell(".tar", "is not in the tar", "one sample for every row of the manifest", missing, "not in the tar")

    def _members(self, file: Reader) -> Iterator[tuple[str, str, bytes]]:
        """Key, extension and content of every member."""
        for name, content in read_members(file):
            if match := _MEMBER.fullmatch(name):
                yield match[1], match[2], content
            else:
                self._tell(".tar", "has a name without a key", "<key>.<extension>", name, "no key")

    def _at_sample(self, key: str, members: dict[str, bytes]) -> None:
        """All members of one key that follow each other."""
        if key in self._seen:
            self._tell(".tar", "has members apart from its others", "all members of a key in one place", key, "apart")
            return
        self._seen.add(key)
        self.count += 1
        row = self._rows.get(key)
        images = [extension for extension in members if extension.lower() in _EXTENSIONS]
        if self._columns is not None and row is None:
            self._tell(".tar", "is not in the manifest", "a row for every sample", key, "not in the manifest")
        if row is not None:
            if self.is_ours and row < self._last_row:
                self._tell(".tar", "stands in another place than its row", "the order of the manifest", key, "out of order")
            self._last_row = max(row, self._last_row)
            self._against_row(key, row, members)
        if len(images) != 1:
            self._tell(".tar", f"has {len(images)} pictures", "one", key, "pictures")
        for extension in images if self._deep else ():
            self._decode(key, extension, members[extension], row)

    def _against_row(self, key: str, row: int, members: dict[str, bytes]) -> None:
        """The members of one sample against its row."""
        said = {name: values[row] for name, values in (self._columns or {}).items()}
        if self.is_ours:
            extension = said.get("format")
            if list(members) != (right := [f"{extension}", "json", "txt"]):
                self._tell(".tar", f"has the members {', '.join(members)}", ", ".join(right), key, "members")
            image, member = members.get(f"{extension}", b""), f"{key}.{extension}"
            if len(image) != said.get("image_bytes"):
                self._tell(".tar", f"has {len(image)} bytes", f"{said.get('image_bytes')}", member, "size")
            elif (digest := hashlib.sha256(image).hexdigest()) != said.get("sha256"):
                self._tell(".tar", f"has the sha256 {digest}", f"{said.get('sha256')}", member, "sha256")
        if "txt" in members and "caption" in said and members["txt"] != (said["caption"] or "").encode():
            told = members["txt"].decode("utf-8", "replace")
            self._tell(".tar", f"is {shown(told)}", f"{shown(said['caption'] or '')}", f"{key}.txt", "caption")
        if "json" in members:
            self._against_record(key, said, members["json"])

    def _against_record(self, key: str, said: Mapping[str, Any], content: bytes) -> None:
        try:
            record = msgspec.json.decode(content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._tell(".tar", f"cannot be read: {on_one_line(error)}", "a JSON object", f"{key}.json", "json")
            return
        for name, value in record.items():
            right = said.get(name, value)
            if isinstance(right, (str, int, type(None))) and value != right:
                self._tell(".tar", f"{name} is {shown(value)}", f"{shown(right)}", f"{key}.json", "record")

    def _decode(self, key: str, extension: str, content: bytes, row: int | None) -> None:
        """Decode a picture whole."""
        member, picture = f"{key}.{extension}", Picture(content)
        header = picture.header
        if header is None or header.format != FORMATS.get(extension.upper(), extension):
            self._tell(".tar", f"is {header.format if header else 'no picture'}", extension, member, "format")
        elif header.width * header.height > AT_MOST_PIXELS or picture.grey is None:
            self._tell(".tar", "cannot be decoded", "a picture that the link `decodable` lets pass", member, "pixels")
        elif row is not None and self._columns is not None and {"width", "height"} <= self._columns.keys():
            right = (self._columns["width"][row], self._columns["height"][row])
            if (header.width, header.height) != right:
                self._tell(".tar", f"is {header.width}×{header.height}", f"{right[0]}×{right[1]}", member, "width and height")

    def at_digest(self, sha256: str) -> None:
        """Take in the digest of the whole tar."""
        if self.notes.get(_OURS, sha256) != sha256:
            self._tell(".tar", f"has the sha256 {sha256}", f"{self.notes[_OURS]}, as the note of its manifest says")

    def at_statistics(self, content: bytes) -> None:
        """Read the statistics."""
        try:
            statistics = msgspec.json.decode(content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._tell("_stats.json", f"cannot be read: {on_one_line(error)}", "a JSON object")
            return
        if self._columns is None:
            return
        right: dict[str, Any] = {"count": self.row_count, "successes": len(self.keys)}
        if self.is_ours:
            right |= {_OURS: self.notes[_OURS], "image_bytes": sum(filter(None, self._columns.get("image_bytes", [])))}
        for name, value in right.items():
            if statistics.get(name, value) != value:
                self._tell("_stats.json", f"{name} is {shown(statistics[name])}", f"{shown(value)}, by the manifest")


def _twice(keys: Iterable[list[str]]) -> list[Finding]:
    """Keys that stand in several places of the manifests; the first, and how many there are."""
    told = pa.chunked_array([pa.array(each, pa.string()) for each in keys], pa.string()).value_counts()
    twice = sorted(told.filter(pc.greater(told.field("counts"), 1)).to_pylist(), key=lambda row: row["values"])
    findings = [
        Finding("*.parquet", row["values"], f"stands {row['counts']} times", "once in the dataset") for row in twice[:MOST]
    ]
    if len(twice) > MOST:
        findings.append(Finding("*.parquet", None, f"{len(twice) - MOST} more keys: several times", "once in the dataset"))
    return findings


def _against_checksums(text: str, files: _Files) -> list[Finding]:
    """The files there are, against those that are listed."""
    findings, listed = [], dict[str, str]()
    digests = {name: digest for name, digest in files.digests.items() if name != CHECKSUMS}
    for number, (line, digest, name) in enumerate(checksums_read(text), 1):
        if digest is None or (listed and name <= max(listed)):
            right = "<sha256>  <name>, sorted by name, each once"
            findings.append(Finding(CHECKSUMS, f"line {number}", f"is {shown(line)}", right))
        else:
            listed[name] = digest
    for name, digest in listed.items():
        if name in files.unreadable:
            continue
        if name not in digests:
            findings.append(Finding(name, None, "is missing", f"a file with the sha256 {digest}, as {CHECKSUMS} says"))
        elif digests[name] != digest:
            findings.append(Finding(name, None, f"has the sha256 {digests[name]}", f"{digest}, as {CHECKSUMS} says"))
    findings += [
        Finding(name, None, f"is not in {CHECKSUMS}", "no such file, or a line there")
        for name in sorted(digests.keys() - listed.keys())
    ]
    return findings


def on_one_line(error: Exception) -> str:
    """What an error of a library says, as part of a line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
