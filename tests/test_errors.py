"""What a person is told when a config does not fit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest

from wukong_build.errors import (
    ConfigError,
    PartsFailed,
    StoreError,
    WukongError,
    explain_mismatch,
    listed,
    nearest,
    shown,
)


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A section within a section."""

    side: Annotated[int, msgspec.Meta(ge=1)] = 1
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    mode: Literal["fast", "slow"] = "fast"


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    """A section with one key of every type."""

    name: str
    inner: Inner | None = None
    names: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("a",)
    hosts: dict[str, str] = {}
    bound: float | None = None
    flag: bool = False


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "at.name: is missing, and has no default"),
        ({"name": 3}, "at.name: found 3; text is meant"),
        ({"name": "a", "nmae": 3}, "at.nmae: no such key (did you mean name?); there are bound, flag, hosts, inner, name, names"),
        ({"name": "a", "inner": {"sied": 3}}, "at.inner.sied: no such key (did you mean side?); there are mode, share, side"),
        ({"name": "a", "inner": {"zzz": 3}}, "at.inner.zzz: no such key; there are mode, share, side"),
        ({"name": "a", "inner": [3]}, "at.inner: found [3]; a mapping of mode, share, side is meant"),
        ({"name": "a", "inner": {"side": 0}}, "at.inner.side: found 0; a whole number of at least 1 is meant"),
        ({"name": "a", "inner": {"side": 1.5}}, "at.inner.side: found 1.5; a whole number is meant"),
        ({"name": "a", "inner": {"share": 0}}, "at.inner.share: found 0; a number above 0 is meant"),
        ({"name": "a", "inner": {"share": 1.5}}, "at.inner.share: found 1.5; a number of at most 1 is meant"),
        ({"name": "a", "inner": {"mode": "快"}}, 'at.inner.mode: found "快"; one of fast, slow is meant'),
        ({"name": "a", "bound": "3"}, 'at.bound: found "3"; a number is meant'),
        ({"name": "a", "bound": True}, "at.bound: found true; a number is meant"),
        ({"name": None}, "at.name: found null; text is meant"),
        ({"name": "a", "flag": 1}, "at.flag: found 1; true or false is meant"),
        ({"name": "a", "names": "b"}, 'at.names: found "b"; a list is meant'),
        ({"name": "a", "names": []}, "at.names: found []; a list with a length of at least 1 is meant"),
        ({"name": "a", "names": ["b", 7]}, "at.names[1]: found 7; text is meant"),
        ({"name": "a", "hosts": {1: "b"}}, "at.hosts: a key is no text; write it in quotes"),
        ([1], "at: found [1]; a mapping of bound, flag, hosts, inner, name, names is meant"),
    ],
)
def test_a_mismatch_in_peoples_words(values: Any, expected: str) -> None:
    """The key's path, what was found as YAML writes it, and what would be right; the nearest name for an unknown one."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(values, Outer)
    assert explain_mismatch(caught.value, values, Outer, at="at") == expected


def test_the_path_may_begin_at_the_top() -> None:
    """With nothing above it, the path is the key's own."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"name": 3}, Outer)
    assert explain_mismatch(caught.value, {"name": 3}, Outer).startswith("name: found 3")


@pytest.mark.parametrize(("kind", "status"), [(ConfigError, 2), (StoreError, 1), (PartsFailed, 1)])
def test_each_error_has_its_exit_status(kind: type[WukongError], status: int) -> None:
    """A wrong config is 2, everything that may be tried again 1."""
    assert issubclass(kind, WukongError)
    assert kind.exit_status == status


def test_a_name_that_nothing_comes_near_has_no_nearest() -> None:
    """A guess is made only where there is one."""
    assert nearest("aspect_ration", ["aspect_ratio", "phash"]) == " (did you mean aspect_ratio?)"
    assert nearest("zzz", ["aspect_ratio", "phash"]) == ""
    assert listed({"b", "a"}) == "a, b"


def test_what_is_shown_fits_on_a_line() -> None:
    """A long value is cut, whatever it is."""
    assert shown({"名": [None, True, "x"]}) == '{"名": [null, true, "x"]}'
    assert len(shown("x" * 1000)) == 78
