"""Whether a run agrees with itself: every part with its digest, every picture with its sha256, the ledger with its sums.

The published folder is looked at by `shards/verify.py`; a folder without a run around it has nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import duckdb
import pyarrow as pa

from wukong_build.inspect.run import Run, open_run
from wukong_build.shards.published import FOLDER, files_of
from wukong_build.shards.verify import MOST, Finding, Report, on_one_line, verify_folder
from wukong_build.sql import connect
from wukong_build.store import Store, digest_of, fingerprint_of

_MADE_BY_RUNS = ("crawl", "filter", "shard", "forgotten")
"""Folders whose parts carry their digests."""


class _Check(NamedTuple):
    """Something that no sample of a run may be."""

    file: str
    query: str
    """Its keys."""
    found: str
    right: str


_OF_THE_LEDGER = (
    _Check("crawl/samples", "SELECT key FROM samples GROUP BY key HAVING count(*) > 1", "has several rows", "one row a sample"),
    _Check("filter/ledger", "SELECT key FROM ledger GROUP BY key HAVING count(*) > 1", "has several rows", "one row a sample"),
    _Check("filter/ledger", "SELECT key FROM ledger ANTI JOIN samples USING (key)", "is no sample", "the keys of crawl/samples"),
    _Check("filter/ledger", "SELECT key FROM samples ANTI JOIN ledger USING (key)", "has no row", "a row for every sample"),
    _Check(
        "crawl/images",
        "SELECT key FROM samples ANTI JOIN images USING (key) WHERE sha256 IS NOT NULL",
        "has no row",
        "the image of every sample that has one",
    ),
    _Check(
        "filter/ledger",
        "SELECT key FROM ledger WHERE kept IS NULL OR kept = (dropped_by IS NOT NULL)",
        "is neither kept nor dropped by something, or both",
        "one of the two",
    ),
)

_OF_THE_SHARDS = (
    _Check(
        FOLDER,
        "SELECT key FROM manifest ANTI JOIN (SELECT key FROM ledger WHERE kept) USING (key)",
        "is published and not kept",
        "the kept samples of the ledger",
    ),
    _Check(
        FOLDER,
        "SELECT key FROM ledger ANTI JOIN manifest USING (key) WHERE kept",
        "is kept and not published",
        "the kept samples of the ledger",
    ),
    _Check(
        FOLDER,
        "SELECT key FROM manifest JOIN ledger USING (key) WHERE manifest.caption IS DISTINCT FROM coalesce(ledger.caption, '')",
        "is published with another caption",
        "that of the ledger",
    ),
    _Check(
        FOLDER,
        "SELECT key FROM manifest JOIN samples USING (key) WHERE manifest.url IS DISTINCT FROM samples.url",
        "is published with another URL",
        "that of crawl/samples",
    ),
)


def verify(path: str, *, deep: bool = False) -> Report:
    """Look at a run, or at a folder of shards alone; with `deep` every published picture is decoded.

    StoreError where there is neither.
    """
    store = Store(path)
    if not store.exists():
        return verify_folder(store, FOLDER if store.fs.isdir(store.path(FOLDER)) else "", deep=deep)
    run = open_run(path)
    report = Report()
    if store.fs.isdir(store.path(FOLDER)):
        report = verify_folder(store, FOLDER, deep=deep)
        report.findings = [finding.below(FOLDER) for finding in report.findings]
    else:
        report.unchecked.append("shards: there are none yet")
    broken = _at_parts(store, report)
    if not broken:
        with connect(store) as connection:
            _at_tables(run, connection, report)
    return report


def _at_parts(store: Store, report: Report) -> bool:
    """Every part that is not published against the digest it carries; whether one cannot be read."""
    paths = [f"{folder}/{name}" for folder in _MADE_BY_RUNS for name in files_of(store, folder) if name.endswith(".parquet")]
    broken = False
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for path, findings in zip(paths, threads.map(functools.partial(_at_part, store), paths), strict=True):
            report.files += 1
            report.bytes += int(store.fs.size(store.path(path)))
            report.findings += findings
            broken |= any(finding.right == _READABLE for finding in findings)
    return broken


_READABLE = "a Parquet file"


def _at_part(store: Store, path: str) -> list[Finding]:
    """One part, a row group at a time."""
    stage, _, name = path.removesuffix(".parquet").rpartition("/")
    findings: list[Finding] = []
    whole, group_count, digest = "", 0, ""
    try:
        notes = store.notes(stage, name)
        with store.open_part(stage, name) as file:
            group_count = file.num_row_groups
            for group in range(group_count):
                table = file.read_row_group(group).replace_schema_metadata(None)
                digest = fingerprint_of(digest, whole := digest_of(table))
                findings += _at_images(path, table) if "image" in table.column_names else ()
    except Exception as error:  # noqa: BLE001  a damaged file raises anything, and each means the same
        return [Finding(path, None, f"cannot be read: {on_one_line(error)}", _READABLE)]
    noted = notes.get("digest", "")
    right = {digest, notes.get("fingerprint", "")} | ({whole} if group_count == 1 else set())  # a list's digest is its file's
    if noted and noted not in right:
        findings.append(
            Finding(path, None, "holds other rows than were written", f"rows with the digest {noted}, as its note says")
        )
    return findings


def _at_images(path: str, table: pa.Table) -> Iterator[Finding]:
    """The bytes of every image against their digest."""
    for key, sha256, image in zip(table["key"].to_pylist(), table["sha256"].to_pylist(), table["image"], strict=True):
        content = image.as_buffer()
        digest = None if content is None else hashlib.sha256(content).hexdigest()
        if digest != sha256:
            yield Finding(path, key, f"has an image with the sha256 {digest}", str(sha256))


def _at_tables(run: Run, connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """Samples, ledger, manifests and the funnel against each other, as far as their stages have finished."""
    store = run.store
    if not store.finished("filter"):
        report.unchecked.append("the ledger: the filter has not finished")
        return
    checks: tuple[_Check, ...] = _OF_THE_LEDGER
    if store.finished("shard") == store.finished("filter"):
        checks += _OF_THE_SHARDS
    else:
        report.unchecked.append("shards against the ledger: they were made from an earlier one")
    for check in checks:
        keys = [key for (key,) in connection.execute(f"{check.query} ORDER BY key").fetchall()]
        report.findings += [Finding(check.file, key, check.found, check.right) for key in keys[:MOST]]
        if len(keys) > MOST:
            report.findings.append(Finding(check.file, None, f"{len(keys)} samples in all: {check.found}", check.right))
    ((seen, kept),) = connection.execute("SELECT count(*), count(*) FILTER (kept) FROM ledger").fetchall()
    rows = run.funnel().to_pylist()
    dropped = sum(row["dropped"] for row in rows)
    if rows and (rows[0]["seen"], rows[-1]["left"], dropped) != (seen, kept, seen - kept):
        found = f"its funnel says seen {rows[0]['seen']}, dropped {dropped}, kept {rows[-1]['left']}"
        report.findings.append(Finding("run.yaml", None, found, f"{seen}, {seen - kept}, {kept}, as the ledger counts"))
