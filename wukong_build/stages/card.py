"""What stands beside the shards and tells of all of them: README.md, croissant.json, funnel.json. Made anew with every change."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from wukong_build.config import Config
from wukong_build.inspect.described import described
from wukong_build.schema import MANIFEST, SCHEMA_VERSION
from wukong_build.shards.card import Dataset, dataset_card
from wukong_build.shards.croissant import TarFile, croissant
from wukong_build.store import Store


def write_card(config: Config, store: Store) -> None:
    """Tell of the shards as they are now."""
    dataset = described(config, store)
    shards = store.parts("shards")
    tars = [
        TarFile(f"{name}.tar", int(store.fs.size(store.path("shards", f"{name}.tar"))), store.note("shards", name, "tar_sha256"))
        for name in shards
    ]
    for name, text in (
        ("README.md", dataset_card(dataset).encode()),
        ("croissant.json", _json(croissant(dataset, tars, _schema(store, shards)))),
        ("funnel.json", _json(_funnel(dataset))),
    ):
        with store.replacing(f"shards/{name}") as file:
            file.write(text)


def _schema(store: Store, shards: list[str]) -> pa.Schema:
    """The columns of the manifests."""
    if not shards:
        return MANIFEST.arrow
    with store.open_part("shards", shards[0]) as manifest:
        return manifest.schema_arrow


def _funnel(dataset: Dataset) -> dict[str, object]:
    """How many samples each step has seen, dropped and left, what the steps were set to, and what is left in figures."""
    return {
        "schema_version": SCHEMA_VERSION,
        "seen": dataset.seen,
        "kept": dataset.sample_count,
        "funnel": dataset.funnel,
        "links": dataset.links,
        "captions": dataset.captions,
        "unique_images": dataset.unique_images,
        "unique_captions": dataset.unique_captions,
        "opt_outs": dataset.opt_outs,
        "refused_by_robots": dataset.refused_by_robots,
    }


def _json(value: object) -> bytes:
    """As JSON, for people as well."""
    return msgspec.json.format(msgspec.json.encode(value)) + b"\n"
