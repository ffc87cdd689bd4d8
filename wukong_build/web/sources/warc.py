"""Archives of the web, of Common Crawl or of any archiver. What is in them is read elsewhere; knows their files alone."""

from __future__ import annotations

import re
from typing import ClassVar

from wukong_build.web.sources.files import Filed

_ARCHIVE = re.compile(r"\.(warc|wat)(\.gz|\.zst)?$", re.IGNORECASE)


class Warc(Filed, frozen=True, kw_only=True):
    """WARC or WAT files, whose pages are read, and whose images are taken instead of being asked for."""

    only_archived: bool = False
    """Ask nobody for images that are in no archive."""
    files_are: ClassVar[str] = "WARC file"

    def is_one(self, name: str) -> bool:
        """Whether it ends like an archive."""
        return _ARCHIVE.search(name) is not None

    def check(self) -> None:
        """ConfigError where there is no file."""
        self.digests()
