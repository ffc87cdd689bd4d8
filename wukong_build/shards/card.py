"""The dataset card: README.md beside the shards, whose front matter tells HF `datasets` what a sample holds.

Without it `datasets` would guess from the first five samples, and a dataset of several image formats could not be loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from wukong_build.schema import MANIFEST, Column
from wukong_build.shards import ShardSettings
from wukong_build.shards.members import PUBLIC

_DTYPES = {pa.string(): "string", pa.int32(): "int32", pa.int64(): "int64", pa.float64(): "float64", pa.bool_(): "bool"}


def dataset_card(
    title: str,
    sample_count: int,
    shard_count: int,
    formats: Sequence[str],
    permissions: Mapping[str, str],
    settings: ShardSettings,
    scores: Sequence[Column],
) -> str:
    """The card of a dataset whose images are in the given formats; who allowed to search where robots.txt forbids it is told."""
    kinds = {name: MANIFEST.arrow.field(name).type for name in PUBLIC} | {score.name: score.type for score in scores}
    record = [{"name": name, "dtype": _DTYPES[kinds[name]]} for name in (*PUBLIC, *settings.scores)]
    splits = [{"split": name, "path": f"{name}-*.tar"} for name in settings.splits] or [{"split": "train", "path": "*.tar"}]
    resize = settings.resize
    image = "as it came from the web" if resize.mode == "no" else f"as `{resize.mode}` makes it with {resize.side} pixels"
    features: list[dict[str, Any]] = [
        {"name": "__key__", "dtype": "string"},
        {"name": "__url__", "dtype": "string"},
        *({"name": name, "dtype": "image"} for name in sorted(formats)),
        {"name": "json", "struct": record},
        {"name": "txt", "dtype": "string"},
    ]
    front_matter = {
        "language": ["zh"],
        "configs": [{"config_name": "default", "data_files": splits}],
        "dataset_info": {"features": features},
    }
    return (
        f"---\n{yaml.safe_dump(front_matter, allow_unicode=True, sort_keys=False)}---\n\n# {title}\n\n"
        f"{sample_count} Chinese image-text pairs in {shard_count} WebDataset shards, made with wukong-build.\n\n"
        f"Each sample has its image {image} ({', '.join(f'`.{name}`' for name in sorted(formats))}), its "
        "caption (`.txt`) and its record (`.json`). Beside each tar stands a Parquet manifest with one row a sample, in the "
        "order of the tar.\n\n"
        "```python\n"
        "from datasets import load_dataset\n"
        f'dataset = load_dataset("path/of/this/folder", split="{splits[0]["split"]}", streaming=True)\n'
        "```\n" + "".join(f"\n{engine} was searched by permission: {said}\n" for engine, said in permissions.items())
    )
