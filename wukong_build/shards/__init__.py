"""What a trainer reads: tars and their manifests."""

from __future__ import annotations

from typing import Annotated

import msgspec


class ShardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the kept samples are cut into shards."""

    samples: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    """Samples of one shard; the last has what is left."""
    seed: int = 0
    """Of the shuffle: every shard is a fair sample of the corpus."""


CSV_FILES = 256
"""As many files as Wukong was published in."""

FORMS = {
    "wukong-csv": f"{CSV_FILES} CSV files of url and caption, as Wukong was published; a pair's file is told by its key",
    "img2dataset": "Parquet files of URLs that img2dataset downloads, with sha256 to check what comes",
    "coyo": "Parquet files with COYO's columns, as far as they were measured; id is the key",
    "laion": "Parquet files with LAION's columns, as far as they were measured; SAMPLE_ID is the key",
    "hf-imagefolder": "pictures in folders with metadata.jsonl, as the ImageFolder of HF datasets reads them",
    "hf-parquet": "Parquet files with the pictures in them, which HF datasets decodes",
    "uids": "uids.npy, the sorted keys as DataComp takes them: dtype u8,u8",
}
"""Forms in which a published dataset can be written for other programs, and what each is."""
