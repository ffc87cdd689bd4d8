"""What a trainer reads: tars and their manifests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]

INDEXES = ("dali", "wids")

REST = "rest"


class Resize(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of pictures, in img2dataset's words; they stay as they came where the mode is `no`."""

    mode: Literal["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"] = "no"
    """`keep_ratio`: the shorter side has `side` pixels; `keep_ratio_largest`: the longer one; `center_crop`: the middle square of
    the first; `border`: the second, in the middle of a square of the background."""
    side: AtLeastOne = 384
    format: Literal["jpeg", "webp", "avif", "png"] = "jpeg"
    quality: Annotated[int, msgspec.Meta(ge=1, le=100)] = 92
    """Of jpeg, webp and avif; a png loses nothing."""
    only_if_larger: bool = True
    """A picture that is smaller than the mode makes it keeps its size, and is encoded anew all the same."""
    background: str = "#ffffff"
    """The colour behind what is transparent, and of borders."""


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
    """How the kept samples are cut into shards, and what a shard holds of each."""

    samples: AtLeastOne = 10_000
    """Samples of one shard; the last has what is left."""
    at_most_bytes: AtLeastOne | None = None
    """Of one tar, with every picture as it came; a sample that is larger has a shard of its own."""
    seed: int = 0
    """Of the shuffle, and of who is in which split: every shard is a fair sample of its split."""
    splits: dict[str, int | float | str] = {}
    """Name → how many samples, or which share of them; one has the `rest`. Without splits all shards are one dataset."""
    resize: Resize = Resize()
    strip_metadata: bool = False
    """Take EXIF, GPS, XMP, IPTC and comments out of pictures that stay as they came; what is encoded anew has none."""
    blur_faces: bool = False
    """Blur what the column `face_boxes` names. Pictures with a face, and the first frames of animations, are encoded anew."""
    scores: tuple[str, ...] = ()
    """What links measured that the `.json` of a sample tells as well; the manifest tells all of it."""
    index: tuple[str, ...] = ()
    """Files for random access: `wids.json` of webdataset's wids, and an `.idx` of NVIDIA DALI beside each tar."""
    card: CardSettings = CardSettings()

    @property
    def changes_images(self) -> bool:
        """True where a picture may be published otherwise than it came."""
        return self.resize.mode != "no" or self.strip_metadata or self.blur_faces

    def bytes_depend_on(self) -> list[Any]:
        """What decides the bytes of a shard beside its samples."""
        resize = self.resize if self.resize.mode != "no" or self.blur_faces else None
        blur = ["blur_faces"] if self.blur_faces else []
        return [resize, self.strip_metadata, self.scores, "dali" in self.index, *blur]


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
