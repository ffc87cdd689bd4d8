"""Taking samples out of a run: of the published shards first, then of everything it has, for good.

Once the tombstones are written the rest follows from them, so a command that was killed is finished by the next one. Which
samples a tombstone means, and how their rows are emptied, is known in `tombstones.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.config import Config
from wukong_build.errors import ConfigError, shown
from wukong_build.executors import Executor
from wukong_build.schema import SCHEMA_VERSION
from wukong_build.shards.published import files_of, sha256_of, shard_of
from wukong_build.stages import run_stage
from wukong_build.stages.shard import publish_without, shards_with, tell
from wukong_build.stages.tombstones import FOLDER, HashStage, add, new_tombstones, phashes, purge, tombstones
from wukong_build.store import Store
from wukong_build.web.url import canonical, host_of, key_of

_KEY, _SHA256 = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_NOT_OF_A_HOST = re.compile(r"[/?#@:\s\\]")


class Wish(msgspec.Struct, frozen=True):
    """What is to be forgotten, in any of the ways in which somebody may say it."""

    keys: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    sha256s: tuple[str, ...] = ()
    pictures: tuple[bytes, ...] = ()
    """Files; whatever looks like them."""

    def rows(self) -> list[dict[str, Any]]:
        """What the wish says, as tombstones. ConfigError where it makes no sense."""
        rows: list[dict[str, Any]] = [{"key": _fitting(_KEY, key.lower(), "a key (32 hex digits)")} for key in self.keys]
        for url in self.urls:
            if (spelled := canonical(url)) is None:
                raise ConfigError(f"forget: found {shown(url)}; a URL is meant, http:// or https://")
            rows.append({"key": key_of(spelled), "url": spelled})
        rows += [{"host": _host(host)} for host in self.hosts]
        rows += [{"sha256": _fitting(_SHA256, digest.lower(), "a sha256 (64 hex digits)")} for digest in self.sha256s]
        if self.pictures:
            hashes = phashes(list(self.pictures))
            if None in hashes:
                which = f"{hashes.index(None) + 1} of {len(hashes)}"
                raise ConfigError(
                    f"forget: --like: file {which} is no picture that can be decoded; one of a sample to be forgotten is meant"
                )
            rows += [{"phash": phash} for phash in hashes]
        return rows

    @classmethod
    def listed(cls, entries: Iterable[str]) -> Wish:
        """The wish of a list: each entry a key, a sha256, a URL, or else a host."""
        keys, urls, hosts, sha256s = list[str](), list[str](), list[str](), list[str]()
        for entry in entries:
            is_key, is_sha256 = _KEY.fullmatch(entry.lower()), _SHA256.fullmatch(entry.lower())
            (keys if is_key else sha256s if is_sha256 else urls if "://" in entry else hosts).append(entry)
        return cls(tuple(keys), tuple(urls), tuple(hosts), tuple(sha256s))

    def and_also(self, other: Wish) -> Wish:
        """Both."""
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Wish(*(one + another for one, another in zip(mine, theirs, strict=True)))


def _host(said: str) -> str:
    """A domain as URLs spell it, whatever its script."""
    spelled = "" if _NOT_OF_A_HOST.search(said) else host_of(canonical(f"http://{said}/") or "").rstrip(".")
    return spelled if _HOST.fullmatch(spelled) else _fitting(_HOST, said, "a domain (example.com)")


def _fitting(pattern: re.Pattern[str], text: str, meant: str) -> str:
    if not pattern.fullmatch(text):
        raise ConfigError(f"forget: found {shown(text)}; {meant} is meant")
    return text


def forget(wish: Wish, config: Config, store: Store, executor: Executor, *, dry_run: bool = False) -> list[dict[str, Any]]:
    """Take out what the wish means, and finish what an earlier command began; the new tombstones, each with `why`.

    With `dry_run` it only says which they would be. Nothing is taken out where the wish makes no sense (ConfigError), or where
    the shards are not those of the last selection (StoreError).
    """
    said = wish.rows()
    if not dry_run:
        _apply(config, store, executor)
    said += [{"key": key} for key in _published_as([row["sha256"] for row in said if "sha256" in row], store)]
    rows = new_tombstones(said, store, executor)
    published = shards_with([row["key"] for row in rows if row.get("key")], store)
    rows = [{**row, "shard": published.get(row.get("key", ""))} for row in rows]
    if rows and not dry_run:
        before = _digests(store, set(published.values()))
        add(rows, store, notes={"before": msgspec.json.encode(before).decode()})
        _apply(config, store, executor)
    return rows


def _published_as(sha256s: Sequence[str], store: Store) -> Iterator[str]:
    """Keys of the published samples with these bytes, which are not those that came where pictures were changed."""
    wanted = pa.array(sha256s, pa.string())
    for name in store.parts("shards"):
        table = store.read("shards", name, ["key", "sha256"])
        yield from table.filter(pc.is_in(table["sha256"], wanted))["key"].to_pylist()


def _apply(config: Config, store: Store, executor: Executor) -> None:
    """Let nothing be left of what is forgotten, and tell of every tombstone part that is not told of yet."""
    keys = sorted({row["key"] for row in tombstones(store) if row["key"]})
    untold = [name for name in store.parts(FOLDER) if not store.fs.exists(store.path(FOLDER, f"{name}.json"))]
    pending = {name: _before(store, name) for name in untold}
    is_published = bool(pending) and store.fs.isdir(store.path("shards"))
    if is_published:
        publish_without(keys, {shard for before in pending.values() for shard in _shards(before)}, config, store, executor)
    if keys:
        purge(store)
        run_stage(HashStage(), store, executor)
    if is_published:
        tell(config, store)
    for name, before in pending.items():
        after = _digests(store, _shards(before))
        removed = [{"key": row["key"], "shard": row["shard"]} for row in store.read(FOLDER, name).to_pylist() if row["shard"]]
        release = {
            "schema_version": SCHEMA_VERSION,
            "removed": removed,
            "files": {
                file: {"before": before.get(file), "after": after.get(file)} for file in sorted(before.keys() | after.keys())
            },
        }
        with store.replacing(f"{FOLDER}/{name}.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(release)))


def _before(store: Store, name: str) -> dict[str, str]:
    """The digests that a part of tombstones has noted, of the files of the shards that it takes samples out of."""
    return msgspec.json.decode(store.note(FOLDER, name, "before") or "{}", type=dict[str, str])


def _shards(files: Iterable[str]) -> set[str]:
    return {shard[0] for file in files if (shard := shard_of(file))}


def _digests(store: Store, shards: Iterable[str]) -> dict[str, str]:
    """File → sha256, of the files of some shards."""
    wanted = set(shards)
    return {
        file: sha256_of(store, file) for file in files_of(store, "shards") if re.split(r"[._]", file, maxsplit=1)[0] in wanted
    }
