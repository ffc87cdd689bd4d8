"""Captions without the name of the site that stands behind a page's title: 西湖日出_摄影作品_太平洋电脑网摄影部落 → 西湖日出."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.links import Columns, Rewrite

_NAMES, _CHANNELS = "site_names.txt", "site_channels.txt"
_BEFORE = r"\s*(?:[_|｜丨‖»›–—―【\[(（-]+\s*)+"
"""What tells a name from the title before it: an underscore, a dash, a bar, a bracket, and never a space alone."""
_SLASHED = re.compile("/(.+)/")
_AFTER = r"\s*[】\])）]*\s*"


class SiteSuffix(Rewrite, frozen=True, kw_only=True):
    """The caption less the names of sites at its end, and the channels before them.

    What a name leads stays (【站酷】海报): there it is as often what the caption is about. So does a caption of names alone.
    """

    writes: ClassVar[dict[str, pa.DataType]] = {"site_suffix_removed": pa.string()}
    meaning: ClassVar[str] = "the caption without the names of sites at its end"

    lists: tuple[str, ...] = ()
    """Files of the user's own, a name or a pattern of one (RE2, between slashes) in each line."""

    def resources(self) -> tuple[str, ...]:
        """The names that ship, the user's, and the channels."""
        return (_NAMES, *self.lists, _CHANNELS)

    def rewrite(self, batch: Batch) -> pa.Array:
        """The captions shortened; null where there is none."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """The captions, and `site_suffix_removed`, null where nothing was."""
        captions = batch["caption"]
        *names, channels = ((name, resources.lines(name)) for name in self.resources())
        end, whole, names_alone = _patterns(tuple(names), channels)
        rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(captions, end), fill_value=False))
        parts = pc.extract_regex(captions.take(pa.array(rows)), whole)
        title, removed = pc.struct_field(parts, "title"), pc.struct_field(parts, "removed")
        says_something = pc.and_not(pc.match_substring_regex(title, r"[\pL\pN]"), pc.match_substring_regex(title, names_alone))
        chosen = np.zeros(len(captions), bool)
        chosen[rows[np.asarray(says_something)]] = True
        chosen = pa.array(chosen)
        nothing = pa.nulls(len(captions), pa.string())
        return {
            self.name(): pc.replace_with_mask(captions, chosen, title.filter(says_something)),
            "site_suffix_removed": pc.replace_with_mask(nothing, chosen, removed.filter(says_something)),
        }


@lru_cache(maxsize=4)
def _patterns(names: tuple[tuple[str, tuple[str, ...]], ...], channels: tuple[str, tuple[str, ...]]) -> tuple[str, str, str]:
    """Patterns of a caption that ends in a name, of its two parts, and of a caption that is a name or a channel."""
    sites = "|".join(_alternatives(*each) for each in names)
    either = f"{sites}|{_alternatives(*channels)}"
    removed = rf"(?:{_BEFORE}(?:{either}){_AFTER})*{_BEFORE}(?:{sites}){_AFTER}"
    alone = rf"(?i)^(?:{_AFTER}|{_BEFORE})*(?:{either}){_AFTER}$"
    return rf"(?i){_BEFORE}(?:{sites}){_AFTER}$", rf"(?is)^(?P<title>.*?)(?P<removed>{removed})$", alone


def _alternatives(name: str, lines: tuple[str, ...]) -> str:
    """The lines as one pattern."""
    patterns = [_SLASHED.fullmatch(line) for line in lines]
    return "|".join(_checked(match[1], name) if match else re.escape(line) for match, line in zip(patterns, lines, strict=True))


def _checked(pattern: str, name: str) -> str:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        raise ConfigError(f"word list {name!r}: /{pattern}/ is no regular expression that RE2 knows: {error}") from error
    return pattern
