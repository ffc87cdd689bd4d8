"""The least a crawl in Python can cost: aiohttp on uvloop, 64 requests under way, bodies appended to tars, nothing looked at.

`python bare_loop.py LIST OUTPUT`, in an environment with aiohttp and uvloop. Keeps no manners and survives no bad server.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import aiohttp
import uvloop

AT_ONCE = 64
PER_TAR = 1000
BLOCK = 512

Row = dict[str, str]


async def ask(session: aiohttp.ClientSession, rows: Iterator[tuple[int, Row]], tars: Tars) -> None:
    """Fetch rows until none is left."""
    for number, row in rows:
        async with session.get(row["url"]) as response:
            body = await response.read()
        if response.status == 200:  # noqa: PLR2004  as HTTP cuts its statuses
            tars.add(number, row, body)


class Tars:
    """Tars of `PER_TAR` samples each, written as they come."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._count = 0
        self._tar: BinaryIO | None = None

    def add(self, number: int, row: Row, body: bytes) -> None:
        """The three members of one sample."""
        if self._count % PER_TAR == 0:
            self.close()
            self._tar = (self._folder / f"{self._count // PER_TAR:05d}.tar").open("wb", buffering=1 << 20)
        self._count += 1
        described = json.dumps(row, ensure_ascii=False).encode()
        for extension, content in (("jpg", body), ("txt", row["caption"].encode()), ("json", described)):
            self._member(f"{number:09d}.{extension}", content)

    def close(self) -> None:
        """End the tar there is."""
        if self._tar is not None:
            self._tar.write(bytes(2 * BLOCK))
            self._tar.close()

    def _member(self, name: str, content: bytes) -> None:
        header = tarfile.TarInfo(name)
        header.size = len(content)
        if self._tar is not None:
            self._tar.write(header.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % BLOCK))


async def main(path: Path, folder: Path) -> None:
    """Fetch a list into a folder."""
    with path.open(encoding="utf-8") as file:
        rows = iter(enumerate(list(csv.DictReader(file))))
    tars = Tars(folder)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE), auto_decompress=False) as session:
        await asyncio.gather(*(ask(session, rows, tars) for _ in range(AT_ONCE)))
    tars.close()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
