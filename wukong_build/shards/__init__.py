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
