"""The errors a person may see, named by consequence. Bad data is never one of them: it is a row with a reason."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec


class WukongError(Exception):
    """Something the user can mend; its message says what was found, where, and what would be right."""

    exit_status = 1


class ConfigError(WukongError):
    """The config or the command line is wrong; nothing has run."""

    exit_status = 2


class StoreError(WukongError):
    """A run cannot be read or written: locked, missing, half made, or the disk is full."""


class DamagedRecord(StoreError):
    """A run's `run.yaml` cannot be read; the next command writes it anew."""


class PartsFailed(WukongError):
    """Some parts failed and the others are done; the same command goes on from here."""


class Unsound(WukongError):
    """A dataset is not what it says; what was found is told before."""


class EngineMoved(WukongError):
    """A search engine does not answer as its recipe says."""


_MISMATCH = re.compile(r"(.+?)(?: - at (`key` in )?`\$(.*)`)?")
"""What msgspec says: the message, whether a key is meant, the path."""

_IN_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "object": "a mapping",
    "str": "text",
}
_BOUND_IN_WORDS = {">=": "of at least", ">": "above", "<=": "of at most", "<": "below"}


def explain_mismatch(error: msgspec.ValidationError, values: Any, kind: Any, at: str = "") -> str:
    """What msgspec found wrong, as a user says it: the key's path below `at`, what was found, what would be right."""
    match = _MISMATCH.fullmatch(str(error))
    message, is_key, path = match.groups("") if match else (str(error), "", "")
    here, kind = (at + path).lstrip("."), _kind_at(kind, path)
    if field := re.search(r"(unknown|required) field `(.+)`", message):
        key = f"{here}.{field[2]}".lstrip(".")
        if field[1] == "required":
            return f"{key}: is missing, and has no default"
        valid = _keys(kind)
        return f"{key}: no such key{nearest(field[2], valid)}; there are {listed(valid)}"
    if is_key:
        return f"{here}: a key is no text; write it in quotes".removeprefix(": ")
    return f"{here}: found {shown(_value_at(values, path))}; {_meant(message, kind)} is meant"


def _meant(message: str, kind: Any) -> str:
    """What would be right, in words."""
    if message.startswith("Invalid enum value"):
        return f"one of {listed(get_args(kind))}"
    match = re.match(r"Expected `(.+?)`(?:( of length)? ([<>]=?) (\S+))?", message)
    if match is None:
        return f"something else ({message})"
    names, length, sign, bound = match.groups("")
    words = " or ".join(_IN_WORDS.get(name, name) for name in names.split(" | ") if name != "null")
    if words == "a mapping" and _keys(kind):
        return f"{words} of {listed(_keys(kind))}"
    return f"{words}{' with a length' * bool(length)} {_BOUND_IN_WORDS[sign]} {float(bound):g}" if sign else words


def _keys(kind: Any) -> list[str]:
    """The keys of a section; none where it is no section."""
    return [field.encode_name for field in msgspec.structs.fields(kind)] if msgspec.inspect.is_struct_type(kind) else []


def _kind_at(kind: Any, path: str) -> Any:
    """The type that the config has at a path, bounds and `| None` aside."""
    for name in re.findall(r"[^.\[\]]+", path):
        types = {field.encode_name: field.type for field in msgspec.structs.fields(kind)} if _keys(kind) else {}
        found = types.get(name)
        kind = next((arm for arm in (found, *get_args(found)) if _keys(arm) or get_origin(arm) is Literal), found)
    return kind


def _value_at(values: Any, path: str) -> Any:
    for name in re.findall(r"[^.\[\]]+", path):
        if isinstance(values, Mapping):
            values = values.get(name)
        elif isinstance(values, (list, tuple)) and name.isdigit():
            values = values[int(name)]
    return values


def nearest(name: str, valid: Iterable[str]) -> str:
    """What was perhaps meant, in brackets; empty where nothing valid comes near."""
    near = difflib.get_close_matches(str(name), list(valid), n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def listed(valid: Iterable[str]) -> str:
    """Names in their order, with commas."""
    return ", ".join(sorted(valid))


def shown(value: Any) -> str:
    """A value as YAML could have it, on one line of a terminal."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004  one line of a terminal
