"""How a published dataset lies in its folder: shards of three files each, what stands beside them, and the digest of every file.

Knows no sample. A hidden file is no part of a dataset.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

from wukong_build.store import Store

FOLDER = "shards"
"""Where a run publishes."""

CHECKSUMS = "checksums.txt"
"""One line a file, as `sha256sum` writes and checks them; the last file of a dataset to be written, and the first to go."""

KINDS = (".tar", ".parquet", "_stats.json")
"""What the names of the three files of a shard end in, after the shard's own name."""

_SHARD = re.compile(r"((?:.*/)?(?:\w+-)?\d+)(\.tar|\.parquet|_stats\.json)")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)\n")
_AT_ONCE = 1 << 20


def shard_of(name: str) -> tuple[str, str] | None:
    """Shard and kind of a file, as in `00017`, `.tar`; None where it belongs to no shard."""
    match = _SHARD.fullmatch(name)
    return None if match is None else (match[1], match[2])


def files_of(store: Store, folder: str) -> list[str]:
    """Names of the files of a dataset, below its folder, sorted."""
    root = store.path(folder).rstrip("/") if folder else store.root.rstrip("/")
    store.fs.invalidate_cache()
    names = (str(path)[len(root) + 1 :] for path in store.fs.find(root)) if store.fs.isdir(root) else iter(())
    return sorted(name for name in names if not any(step.startswith(".") for step in name.split("/")))


def checksums_text(digests: Mapping[str, str]) -> str:
    """The lines for some files, given their sha256."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def checksums_read(text: str) -> Iterator[tuple[str, str | None, str]]:
    """Every line as it stands, with the digest and the name it gives; no digest where it is no such line."""
    for line in text.splitlines(keepends=True):
        match = _LINE.fullmatch(line)
        yield (line, match[1], match[2]) if match else (line, None, "")


def write_checksums(store: Store, folder: str = FOLDER) -> None:
    """Write down the sha256 of every file there is."""
    digests = {name: sha256_of(store, name, folder) for name in files_of(store, folder) if name != CHECKSUMS}
    with store.replacing(f"{folder}/{CHECKSUMS}") as file:
        file.write(checksums_text(digests).encode())


def remove_checksums(store: Store, folder: str = FOLDER) -> None:
    """They hold no longer: what they vouch for is about to change."""
    store.delete(folder, CHECKSUMS)


def sha256_of(store: Store, name: str, folder: str = FOLDER) -> str:
    """The digest of a file of a dataset; that of a tar is read from the note of its manifest, which has it already."""
    noted = store.note(folder, name.removesuffix(".tar"), "tar_sha256") if name.endswith(".tar") else ""
    if noted:
        return noted
    sha256 = hashlib.sha256()
    with store.fs.open(store.path(folder, name), "rb") as file:
        while block := file.read(_AT_ONCE):
            sha256.update(block)
    return sha256.hexdigest()
