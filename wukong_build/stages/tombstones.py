"""What is forgotten, and that nothing of it is left: tombstones, the samples they mean, and the emptying of a run's rows.

A tombstone holds a sample's key, URL, sha256 and phash, or what alone is known of what is to stay out. Every crawl looks whether
something forgotten has come in again, also under another name. Of a forgotten sample there stay its tombstone and its row in the
ledger, which says nothing else. Knows nothing of shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.chain import MEASURED
from wukong_build.executors import Executor, Part
from wukong_build.filters.phash import Phash
from wukong_build.hamming import distances, hashes_of
from wukong_build.hash_sets import FORGOTTEN_WITHIN
from wukong_build.schema import FORGOTTEN, IMAGES
from wukong_build.shards.published import files_of
from wukong_build.sql import connect, score_folders
from wukong_build.stages import run_stage
from wukong_build.stages.facts import FACT
from wukong_build.store import Store, digest_of, fingerprint_of
from wukong_build.web.recorder import without

FOLDER = FORGOTTEN.name
"""Where the tombstones lie, in parts that are only ever added."""

CLASS = "forgotten"
"""The class of failure that rows of a forgotten image have."""

VERSION = 1
"""Raised when hashes would be other ones than before."""

_HASHES = "forgotten/hashes"
_WITHOUT_ANSWER = "forgotten"
"""The part of crawl/images with the rows of forgotten images that nobody was asked for."""

_HASHED = pa.schema([(name, pa.string()) for name in ("key", "url", "sha256", "phash")])


def honour(store: Store, executor: Executor) -> None:
    """Take out again what is forgotten and has come in, by whatever way; costs nothing where nothing is forgotten."""
    if store.parts(FOLDER):
        add(new_tombstones([], store, executor), store)
        purge(store)


def add(rows: Sequence[Mapping[str, Any]], store: Store, notes: dict[str, str] | None = None) -> None:
    """One more part of tombstones, if there are any."""
    if rows:
        number = 1 + max((int(name) for name in store.parts(FOLDER)), default=-1)
        store.write(FOLDER, f"{number:05d}", FORGOTTEN.table(rows), notes=notes)


class HashStage(msgspec.Struct, frozen=True):
    """The phash of every image of the crawl: those that the filter has measured, and the rest."""

    name: ClassVar[str] = _HASHES
    appends: ClassVar[bool] = False

    def parts(self, store: Store) -> list[Part]:
        """One part for every part of images."""
        return [Part(name, fingerprint_of(VERSION, Phash.version, digest)) for name, digest in store.digests("crawl/images")]

    def work(self, store: Store, part: Part) -> str:
        """The hashes of one part of images; its pictures are read a row group at a time, and only if one is not measured."""
        measured = _measured(store, part.name)
        rows = store.read("crawl/images", part.name, ["key", "url", "sha256"])
        hashes: list[str | None] = [measured.get(key) for key in rows["key"].to_pylist()]
        unknown = [
            at for at, (digest, phash) in enumerate(zip(rows["sha256"].to_pylist(), hashes, strict=True)) if digest and not phash
        ]
        for at, image in store.rows_at("crawl/images", part.name, unknown, ["image"]):
            (hashes[at],) = phashes([image["image"][0].as_py()])
        table = rows.append_column("phash", pa.array(hashes, pa.string())).filter(rows["sha256"].is_valid())
        store.write(self.name, part.name, table.cast(_HASHED), part.fingerprint)
        return f"{len(unknown)} of {len(table)} images decoded"


def _measured(store: Store, part: str) -> dict[str, str]:
    """Key → phash, of the samples of a part for which the filter has it."""
    found: dict[str, str] = {}
    for folder in score_folders(store):
        if part in store.parts(folder):
            with store.open_part(folder, part) as file:
                if "phash" in file.schema_arrow.names:
                    table = file.read(columns=["key", "phash", f"phash{MEASURED}"])
                    table = table.filter(pc.and_(table[f"phash{MEASURED}"], table["phash"].is_valid()))
                    found |= dict(zip(table["key"].to_pylist(), table["phash"].to_pylist(), strict=True))
    return found


def phashes(contents: list[bytes | None]) -> list[str | None]:
    """The phash of each file; None where it cannot be decoded."""
    batch = Batch(pa.table({"key": [str(at) for at in range(len(contents))]}), lambda: contents)
    hashes: list[str | None] = Phash().measure(batch)["phash"].to_pylist()
    return hashes


def tombstones(store: Store) -> list[dict[str, Any]]:
    """All rows of `FORGOTTEN`."""
    return [row for name in store.parts(FOLDER) for row in store.read(FOLDER, name).to_pylist()]


def new_tombstones(said: Sequence[Mapping[str, Any]], store: Store, executor: Executor) -> list[dict[str, Any]]:
    """Rows of `FORGOTTEN`, each with `why`: what is said, and all samples that this and the old ones mean, less the old ones."""
    run_stage(HashStage(), store, executor)
    old = tombstones(store)
    there = {_name(row) for row in old}
    found = {_name(row): {**row, "why": "asked for"} for row in said if _name(row) not in there}
    keys, hosts = ([row[kind] for row in (*old, *found.values()) if row.get(kind)] for kind in ("key", "host"))
    for key, url, host in _named(keys, hosts, store):
        name = ("key", key)
        if name in found:
            found[name]["url"] = url
        elif name not in there:
            found[name] = {"key": key, "url": url, "why": f"of {host}"}
    hashed = _hashed(store)
    facts = {row["key"]: row for row in hashed.filter(pc.is_in(hashed["key"], _texts(found, "key"))).to_pylist()}
    for name in found:
        found[name] |= facts.get(name[1], {}) if name[0] == "key" else {}
    for row, why in _alike(hashed, [*old, *found.values()]):
        if (name := ("key", row["key"])) not in there | found.keys():
            found[name] = {**row, "phash": None, "why": why}  # else what looks like this one would be forgotten, and so on
    return [row for _, row in sorted(found.items())]


def _name(row: Mapping[str, Any]) -> tuple[str, str]:
    """What makes a tombstone that one: its key, or what it has in place of one."""
    kind = next(kind for kind in ("key", "host", "sha256", "phash") if row.get(kind))
    return kind, row[kind]


def _texts(found: Iterable[tuple[str, str]], kind: str) -> pa.Array:
    return pa.array([text for name, text in found if name == kind], pa.string())


def _named(keys: Sequence[str], hosts: Sequence[str], store: Store) -> list[tuple[str, str, str | None]]:
    """Key, URL, and host, of the samples of these keys, and of those whose image or page is of one of the hosts."""
    places = " UNION ALL ".join(
        f"SELECT key, url, host_name({place}) AS host FROM {table} WHERE {place} IS NOT NULL"  # noqa: S608  ours
        for table, place in (("pairs", "url"), ("pairs", "page_url"), ("images", "url"), ("images", "final_url"))
    )
    with connect(store) as connection:
        connection.register("wanted_keys", pa.table({"key": pa.array(keys, pa.string())}))
        connection.register("wanted_hosts", pa.table({"wanted": pa.array(hosts, pa.string())}))
        return connection.execute(
            f"SELECT key, min(url), min(wanted) FROM ({places}) AS places "  # noqa: S608  ours
            "LEFT JOIN wanted_hosts ON host = wanted OR suffix(host, '.' || wanted) "
            "WHERE wanted IS NOT NULL OR key IN (FROM wanted_keys) GROUP BY key ORDER BY key"
        ).fetchall()


def _hashed(store: Store) -> pa.Table:
    """Key, URL, sha256 and phash of every image there is."""
    return pa.concat_tables([_HASHED.empty_table(), *(store.read(_HASHES, name) for name in store.parts(_HASHES))])


def _alike(hashed: pa.Table, tombstones: Sequence[Mapping[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """The images with the bytes or the looks of one that is forgotten, and which of the two."""
    same = pc.is_in(hashed["sha256"], pa.array({row.get("sha256") for row in tombstones} - {None}, pa.string()))
    yield from ((row, "the same bytes") for row in hashed.filter(same).to_pylist())
    rest = hashed.filter(pc.and_(pc.invert(same), hashed["phash"].is_valid()))
    hashes, near = hashes_of(rest["phash"].to_pylist()), np.zeros(len(rest), bool)
    for phash in hashes_of(sorted({row["phash"] for row in tombstones if row.get("phash")})):
        near |= distances(hashes, phash) <= FORGOTTEN_WITHIN
    yield from ((row, "the same looks") for row in rest.filter(pa.array(near)).to_pylist())


_HIDDEN: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "crawl/pairs": (("key", "url"), {"source": CLASS}),
    "crawl/images": (("key", "url"), {"error": CLASS, "hops": 0, "attempts": 0}),
    "crawl/samples": (("key", "url", "occurrence_count", "image_row"), {"error": CLASS}),
    "filter/ledger": (("key",), {"kept": False, "dropped_by": f"fetch:{CLASS}"}),
    "filter/state": (("key",), {"kept": False, "dropped_by": f"fetch:{CLASS}"}),
    "filter/scores": (("key",), {}),
}
"""Folder → the columns that a forgotten row keeps, and what it says in others; all the rest of it is null."""


def purge(store: Store) -> None:
    """Empty the rows of all forgotten samples wherever a run has them, bytes and texts included."""
    rows = tombstones(store)
    keys = pa.array(sorted({row["key"] for row in rows if row["key"]}), pa.string())
    _purge_archive(store, rows)
    for folder in _folders(store):
        for name in store.parts(folder):
            if pc.any(pc.is_in(store.read(folder, name, ["key"])["key"], keys)).as_py():
                _hide(store, folder, name, keys)
    for folder in ("crawl/gathered", "crawl/plan/images"):  # what the next crawl plans and gathers anew
        store.delete_stage(folder)
    _write_answers(store, rows)


def _folders(store: Store) -> Iterator[str]:
    """Folders with rows to be emptied, those of single passes included."""
    for folder in _HIDDEN:
        found = store.fs.ls(store.path(folder), detail=False) if store.fs.isdir(store.path(folder)) else []
        below = sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in found if store.fs.isdir(path))
        yield from (f"{folder}/{name}" for name in below) if below else (folder,)


def _hide(store: Store, folder: str, name: str, keys: pa.Array) -> None:
    """Empty some rows of one part, row group by row group, in their places; what it was made from it still says."""
    kind = "/".join(folder.split("/")[:2])
    notes = store.notes(folder, name)
    with store.open_part(folder, name) as file:
        groups, columns = range(file.num_row_groups), [column for column in file.schema_arrow.names if column != "image"]
        rows = (file.read_row_group(group, columns=columns) for group in groups)
        if all(_hidden(each, kind, keys).equals(each) for each in rows):
            return
        fingerprint, is_list = notes.get("fingerprint", ""), notes.get("digest") == notes.get("fingerprint")
        with store.writing(folder, name, file.schema_arrow.remove_metadata(), fingerprint) as writer:
            for group in groups:
                table = _hidden(file.read_row_group(group).replace_schema_metadata(None), kind, keys)
                writer.write_table(table)
                writer.digest = fingerprint_of(writer.digest, digest_of(table))
            writer.digest = notes["digest"] if is_list else writer.digest
            writer.notes = {note: text for note, text in notes.items() if note not in {"fingerprint", "digest", "schema_version"}}


def _hidden(table: pa.Table, kind: str, keys: pa.Array) -> pa.Table:
    """The rows, with nothing left of those with these keys."""
    stays, says = _HIDDEN[kind]
    gone = pc.is_in(table["key"], keys)
    rows = pa.array(np.arange(len(table)), mask=gone.to_numpy())  # a null takes nothing, whatever the type
    for at, field in enumerate(table.schema):
        if field.name in says or field.name.endswith(MEASURED):
            value = pa.scalar(says.get(field.name, False), field.type)
            table = table.set_column(at, field, pc.if_else(gone, value, table.column(at)))
        elif field.name not in stays:
            table = table.set_column(at, field, table.column(at).take(rows))
    return table


def _write_answers(store: Store, forgotten: Sequence[Mapping[str, Any]]) -> None:
    """Give forgotten images that nobody was asked for yet a row that says so: then nobody ever is."""
    wanted = pa.array([row["key"] for row in forgotten], pa.string())
    answered: set[str] = set()
    for name in store.parts("crawl/images"):
        keys = store.read("crawl/images", name, ["key"])["key"]
        answered.update(keys.filter(pc.is_in(keys, wanted)).to_pylist())
    rows = [
        {"key": row["key"], "url": row["url"], "error": CLASS, "hops": 0, "attempts": 0}
        for row in forgotten
        if row["key"] and row["url"] and row["key"] not in answered
    ]
    if rows:
        held = [store.read("crawl/images", _WITHOUT_ANSWER)] if _WITHOUT_ANSWER in store.parts("crawl/images") else []
        table = pa.concat_tables([*(each.cast(IMAGES.arrow) for each in held), IMAGES.table(rows)]).combine_chunks()
        store.write("crawl/images", _WITHOUT_ANSWER, table, FACT)


def _purge_archive(store: Store, forgotten: Sequence[Mapping[str, Any]]) -> None:
    """Take the answers out of the run's own archive: by the URLs asked for and answered, and by their bytes."""
    folder = "archive"
    files = [name for name in files_of(store, folder) if name.endswith(".warc.gz")]
    if not files:
        return
    keys = pa.array([row["key"] for row in forgotten], pa.string())
    urls = {row["url"] for row in forgotten if row["url"]}
    for name in store.parts("crawl/images"):
        table = store.read("crawl/images", name, ["key", "final_url"])
        urls.update(table.filter(pc.is_in(table["key"], keys))["final_url"].drop_null().to_pylist())
    sha256s = {row["sha256"] for row in forgotten if row["sha256"]}
    for name in files:
        with store.fs.open(store.path(folder, name), "rb") as file:
            kept = without(file, urls, sha256s)
            if sum(stop - start for start, stop in kept) == file.seek(0, 2):
                continue
            with store.replacing(f"{folder}/{name}") as new:
                for start, stop in kept:
                    file.seek(start)
                    new.write(file.read(stop - start))
