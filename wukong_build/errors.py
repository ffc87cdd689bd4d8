"""The errors a person may see, named by consequence. Bad data is never one of them: it is a row with a reason."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


class WukongError(Exception):
    """Something the user can mend; its message says what was found, where, and what would be right."""

    exit_status = 1


class ConfigError(WukongError):
    """The config or the command line is wrong; nothing has run."""

    exit_status = 2


class StoreError(WukongError):
    """A run cannot be read or written: locked, missing, half made, or the disk is full."""


class PartsFailed(WukongError):
    """Some parts failed and the others are done; the same command goes on from here."""


def explain_mismatch(error: msgspec.ValidationError, values: Any, kind: Any) -> str:
    """What msgspec found wrong, as a user says it: the key's path, what was found, the nearest valid name."""
    message, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.+)`", message)
    if unknown:
        valid = _fields_at(kind, path)
        at = f"{path}.{unknown[1]}" if path else unknown[1]
        return f"{at}: no such key{nearest(unknown[1], valid)}; there are {listed(valid)}"
    return f"{path}: found {shown(_value_at(values, path))}; {message[0].lower()}{message[1:]}" if path else message


def _fields_at(kind: Any, path: str) -> list[str]:
    for name in filter(None, re.split(r"[.\[]", path)):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        kind = fields.get(name, kind)
        kind = next((arm for arm in getattr(kind, "__args__", ()) if hasattr(arm, "__struct_fields__")), kind)
    return [field.encode_name for field in msgspec.structs.fields(kind)] if hasattr(kind, "__struct_fields__") else []


def _value_at(values: Any, path: str) -> Any:
    for name in filter(None, re.split(r"[.\[\]]+", path)):
        if isinstance(values, Mapping):
            values = values.get(name)
        elif isinstance(values, list) and name.isdigit():
            values = values[int(name)]
    return values


def nearest(name: str, valid: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(name), list(valid), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def listed(valid: Iterable[str]) -> str:
    return ", ".join(sorted(valid))


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004  one line of a terminal
