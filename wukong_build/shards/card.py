"""The dataset card: README.md beside the shards, whose front matter is the Hugging Face Hub's and tells what a sample holds.

Without it `datasets` would guess from the first five samples, and a dataset of several image formats could not be loaded.
Says what it is given; counts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pyarrow as pa
import yaml

from wukong_build.schema import MANIFEST
from wukong_build.shards import CardSettings, Resize
from wukong_build.shards.markdown import cell, of, table
from wukong_build.shards.members import PUBLIC

_DTYPES = {pa.string(): "string", pa.int32(): "int32", pa.int64(): "int64", pa.float64(): "float64", pa.bool_(): "bool"}

_TASKS = ["image-to-text", "text-to-image", "zero-shot-image-classification"]


class Captions(msgspec.Struct, frozen=True, kw_only=True):
    """Captions in the paper's form, in tokens."""

    tokens: int
    unique_tokens: int
    mean: float
    standard_deviation: float
    median: float


class Filtering(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain, with what it was set to."""

    name: str
    kind: str
    meaning: str
    settings: dict[str, Any]


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One way of opting out, and what came of it."""

    name: str
    meaning: str
    obeyed: bool
    samples: int
    """That carry it, among all samples ever seen."""
    unpublished: int
    """Those of them that are not in the dataset, for this or for another reason."""


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A published dataset in figures. Mappings of counts have the largest first."""

    name: str
    settings: CardSettings
    made_by: str
    sample_count: int
    shard_count: int
    image_bytes: int
    unique_images: int
    unique_captions: int
    median_shorter_side: float
    host_count: int
    licensed: int
    """Samples whose page names a licence."""
    formats: dict[str, int]
    captions: Captions
    hosts: dict[str, int]
    origins: dict[str, int]
    licences: dict[str, int]
    funnel: list[dict[str, Any]]
    links: list[Filtering]
    sources: list[str]
    permissions: dict[str, str]
    opt_outs: list[Signal]
    refused_by_robots: dict[str, int]
    limits: list[str]
    splits: list[str] = []
    resize: Resize = Resize()
    blur_faces: bool = False
    scores: dict[str, pa.DataType] = {}
    """What records tell besides, by name."""

    @property
    def title(self) -> str:
        """What it is called."""
        return self.settings.title or self.name

    @property
    def seen(self) -> int:
        """Samples before any was dropped."""
        return int(self.funnel[0]["seen"]) if self.funnel else self.sample_count


def dataset_card(dataset: Dataset) -> str:
    """The card, as Markdown."""
    blocks = [
        f"---\n{yaml.safe_dump(_front_matter(dataset), allow_unicode=True, sort_keys=False)}---",
        f"# {cell(dataset.title)}",
        f"{dataset.sample_count} Chinese image-text pairs in {dataset.shard_count} WebDataset shards, "
        f"made with {dataset.made_by}."
        + (f" {cell(dataset.settings.creator)} answers for it." if dataset.settings.creator else "")
        + (f" More on it, and whom to ask: {dataset.settings.url}" if dataset.settings.url else ""),
        *_contents(dataset),
        *_statistics(dataset),
        *_making(dataset),
        *_rights(dataset),
        "## Known limits",
        "\n".join(f"- {limit}" for limit in dataset.limits),
    ]
    return "\n\n".join(blocks) + "\n"


def _front_matter(dataset: Dataset) -> dict[str, Any]:
    kinds = {name: MANIFEST.arrow.field(name).type for name in PUBLIC} | dataset.scores
    record = [_feature(name, kind) for name, kind in kinds.items()]
    files = [{"split": split, "path": f"{split}-*.tar"} for split in dataset.splits] or [{"split": "train", "path": "*.tar"}]
    features: list[dict[str, Any]] = [
        {"name": "__key__", "dtype": "string"},
        {"name": "__url__", "dtype": "string"},
        *({"name": name, "dtype": "image"} for name in sorted(dataset.formats)),
        {"name": "json", "struct": record},
        {"name": "txt", "dtype": "string"},
    ]
    return {
        "license": dataset.settings.license,
        "language": ["zh"],
        "pretty_name": dataset.title,
        "task_categories": _TASKS,
        "size_categories": [size_category(dataset.sample_count)],
        "annotations_creators": ["found"],
        "source_datasets": ["original"],
        "configs": [{"config_name": "default", "data_files": files}],
        "dataset_info": {"features": features},
    }


def _feature(name: str, kind: pa.DataType) -> dict[str, Any]:
    """A value of the record, a list of such, or a list of records within it."""
    if not pa.types.is_list(kind):
        return {"name": name, "dtype": _DTYPES[kind]}
    if not pa.types.is_struct(kind.value_type):
        return {"name": name, "list": _DTYPES[kind.value_type]}
    return {"name": name, "list": [_feature(field.name, field.type) for field in kind.value_type]}


def size_category(count: int) -> str:
    """The Hub's word for so many samples, as in `1K<n<10K`."""
    steps = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
    place = sum(count >= 1000 * 10**power for power in range(len(steps)))
    if place in {0, len(steps)}:
        return f"n<{steps[0]}" if place == 0 else f"n>{steps[-1]}"
    return f"{steps[place - 1]}<n<{steps[place]}"


def _contents(dataset: Dataset) -> Iterable[str]:
    yield "## What is in it"
    yield (
        f"Each sample has its image ({', '.join(f'`.{name}`' for name in sorted(dataset.formats))}"
        f"{_changed(dataset)}), its caption (`.txt`) and its record (`.json`). Beside each tar stands a Parquet manifest "
        "with one row a sample, in the order of the tar; every column's meaning is in the file. `croissant.json` describes all "
        "of it for machines, `funnel.json` tells how it was filtered."
    )
    yield (
        "```python\nfrom datasets import load_dataset\n"
        f'samples = load_dataset("path/of/this/folder", split="{(dataset.splits or ["train"])[0]}", streaming=True)\n'
        'manifests = load_dataset("parquet", data_files="path/of/this/folder/*.parquet", split="train")\n```'
    )


def _changed(dataset: Dataset) -> str:
    """What was done to the pictures; nothing where they are as they came."""
    resize, faces = dataset.resize, ", faces that were found (`face_boxes`) blurred" if dataset.blur_faces else ""
    return faces if resize.mode == "no" else f"{faces}, resized by `{resize.mode}` to {resize.side} pixels"


def _statistics(dataset: Dataset) -> Iterable[str]:
    told = dataset.captions
    yield "## Statistics"
    yield table(
        ("pairs", "unique tokens", "tokens per caption: mean", "std", "median"),
        [(dataset.sample_count, told.unique_tokens, told.mean, told.standard_deviation, told.median)],
    )
    yield (
        "A token is a Han character, a sign, or a run of other letters and digits, in lower case, as BERT's basic tokenizer "
        "cuts Chinese; WordPiece would cut such runs further."
    )
    yield table(
        ("unique images (sha256)", "unique captions", "hosts", "bytes of images", "median of the shorter side"),
        [
            (
                *(of(count, dataset.sample_count) for count in (dataset.unique_images, dataset.unique_captions)),
                dataset.host_count,
                dataset.image_bytes,
                f"{dataset.median_shorter_side:g} px",
            )
        ],
    )
    for title, counts in (("host", dataset.hosts), ("caption from", dataset.origins), ("format", dataset.formats)):
        yield table((title, "samples"), [(f"`{name}`", count) for name, count in counts.items()])


def _making(dataset: Dataset) -> Iterable[str]:
    yield "## How it was made"
    yield "Sources, as the config names them:"
    yield "\n".join(f"- `{source}`" for source in dataset.sources)
    yield from (f"{cell(engine)} was searched by permission: {cell(said)}" for engine, said in dataset.permissions.items())
    yield f"Of {dataset.seen} samples seen these were dropped, each by the first step whose bound it missed:"
    yield table(
        ("step", "seen", "dropped", "left"),
        [(f"`{row['step']}`", row["seen"], row["dropped"], row["left"]) for row in dataset.funnel],
    )
    yield "Every link of the chain, in its order, with its settings:"
    yield table(
        ("link", "kind", "settings", "its number, or what it writes"),
        [(f"`{link.name}`", link.kind, _settings(link.settings), cell(link.meaning)) for link in dataset.links],
    )


def _rights(dataset: Dataset) -> Iterable[str]:
    yield "## Rights"
    yield (
        f"The collection's licence, as its publisher states it: `{dataset.settings.license}`. Pictures and captions remain their "
        f"owners'. The pages of {of(dataset.licensed, dataset.sample_count)} samples name a licence (column `licences`)."
    )
    if dataset.licences:
        yield table(("licence named", "samples"), [(cell(name), count) for name, count in dataset.licences.items()])
    yield (
        "The robots.txt of every host asked, of pages as of images, was held to"
        + "".join(f"; {name}: {count} samples not asked for" for name, count in dataset.refused_by_robots.items())
        + ". Opt-outs that machines can read were looked for, and each sample's are in the column `opt_out`:"
    )
    yield table(
        ("signal", "what it is", "obeyed", "samples with it", "of these not published"),
        [
            (f"`{told.name}`", cell(told.meaning), "yes" if told.obeyed else "only recorded", told.samples, told.unpublished)
            for told in dataset.opt_outs
        ],
    )


def _settings(settings: dict[str, Any]) -> str:
    """The settings that are set, as the config has them."""
    said = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in settings.items()
        if value is not None
    }
    return cell(yaml.safe_dump(said, allow_unicode=True, default_flow_style=True, sort_keys=False, width=10**6).strip()[1:-1])
