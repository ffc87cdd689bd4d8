"""What a trainer reads: tars and their manifests."""

from __future__ import annotations

from typing import Annotated

import msgspec


class CardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What only the publisher can say of a dataset; it stands in the card and in Croissant, and changes no shard."""

    title: str | None = None
    """If not the name of the run."""
    license: str = "unknown"
    """Of the dataset as a collection, as the Hugging Face Hub writes it: cc-by-4.0, other …; images keep their own."""
    version: str = "1.0.0"
    creator: str | None = None
    """Who answers for it."""
    url: str | None = None
    """Where it is told of, and where somebody asks for a picture to be taken out."""
    date: str | None = None
    """When this version is published, as in 2026-12-31; no clock is asked."""


class ShardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the kept samples are cut into shards."""

    samples: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    """Samples of one shard; the last has what is left."""
    seed: int = 0
    """Of the shuffle: every shard is a fair sample of the corpus."""
    card: CardSettings = CardSettings()


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
