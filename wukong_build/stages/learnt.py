"""What was learnt of hosts: kept from part to part of a lane, and from one step of a crawl, and one command, to the next.

Each lane writes a file of its own, so that no two workers write one; the next plan puts them together.
"""

from __future__ import annotations

import msgspec

from wukong_build.store import Store
from wukong_build.web.manners import Learnt

_FOLDER = "crawl/learnt"
_ALL = "all"


def learnt_before(store: Store, lane: str) -> dict[str, Learnt]:
    """What the parts of a lane so far, and all steps before, have learnt of hosts."""
    return _read(store, _ALL) | _read(store, lane)


def note_learnt(store: Store, lane: str, learnt: dict[str, Learnt]) -> None:
    """Write down what a part of a lane has learnt; of hosts that were odd before also that they are well again."""
    known = _read(store, _ALL)
    _write(store, lane, {host: of_host for host, of_host in learnt.items() if of_host.is_odd or host in known})


def put_together(store: Store) -> None:
    """What all lanes have learnt, for the lanes to come; lanes share no host. A slower pace was for the step that is over."""
    folder = store.path(_FOLDER)
    names = [path.rsplit("/", 1)[-1] for path in store.fs.ls(folder, detail=False)] if store.fs.isdir(folder) else []
    lanes = [name.removesuffix(".json") for name in names if name[0] != "." and name != f"{_ALL}.json"]
    learnt = _read(store, _ALL)
    for lane in lanes:
        learnt |= _read(store, lane)
    if lanes:
        at_their_pace = {host: msgspec.structs.replace(of_host, delay_seconds=0.0) for host, of_host in learnt.items()}
        _write(store, _ALL, {host: of_host for host, of_host in at_their_pace.items() if of_host.is_odd})
    for lane in lanes:
        store.delete(_FOLDER, f"{lane}.json")


def _read(store: Store, name: str) -> dict[str, Learnt]:
    path = store.path(_FOLDER, f"{name}.json")
    return msgspec.json.decode(store.fs.cat_file(path), type=dict[str, Learnt]) if store.fs.exists(path) else {}


def _write(store: Store, name: str, learnt: dict[str, Learnt]) -> None:
    with store.replacing(f"{_FOLDER}/{name}.json") as file:
        file.write(msgspec.json.encode(learnt))
