"""The files that a path of the config means: one, those in a folder, or those that a pattern matches. Opens none."""

from __future__ import annotations

import re
from typing import Any

import fsspec

from wukong_build.errors import ConfigError
from wukong_build.web.sources.tables import is_list

Files = dict[str, dict[str, Any]]
"""Path → what the file system says of it."""

_MAGIC = re.compile(r"[*?\[]")
_LEFT_OUT = re.compile(r"(^|/)(\.|_tmp(/|$))|_stats\.json$")  # hidden, or what img2dataset writes beside its tables
_SELDOM_LISTS = (".json", ".txt")  # folders hold them for other ends, such as cards and licences: they are to be named


def files_of(path: str) -> Files:
    """The files in the order of their names, each with a path that is as relative as the one in the config.

    ConfigError where there is none.
    """
    fs, address = fsspec.core.url_to_fs(path)
    fs.invalidate_cache()
    magic = _MAGIC.search(address)
    if magic and not fs.exists(address):
        folder = address[: magic.start()].rpartition("/")[0] + "/"
        lists = _lists(fs.glob(address, detail=True), folder)
        written = path.partition("::")[0].removesuffix(address.removeprefix(folder))
    else:
        there = fs.info(address)
        if there["type"] != "directory":
            return {path: there}
        lists = _lists({info["name"]: info for info in fs.ls(address, detail=True)}, address.rstrip("/") + "/")
        lists = {name: info for name, info in lists.items() if not name.endswith(_SELDOM_LISTS)}
        written = path.partition("::")[0].rstrip("/") + "/"
    if not lists:
        raise ConfigError(f"crawl.sources: {path}: there is no list; a file, a folder with lists or a pattern is meant")
    inside = "".join(path.partition("::")[1:])  # of an archive, say
    return {written + name + inside: lists[name] for name in sorted(lists)}


def _lists(found: Files, folder: str) -> Files:
    """The lists among some files, by their names below a folder."""
    named = {name.removeprefix(folder): info for name, info in found.items() if info["type"] != "directory"}
    return {name: info for name, info in named.items() if is_list(name) and not _LEFT_OUT.search(name)}
