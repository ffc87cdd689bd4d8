"""The card says what it is given, and strangers' words are no markup in it."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest
import yaml

from wukong_build.schema import FACE_BOXES
from wukong_build.shards import CardSettings, Resize
from wukong_build.shards.card import Dataset, dataset_card, size_category


@pytest.mark.parametrize(
    "said",
    [
        "40 Chinese image-text pairs in 3 WebDataset shards, made with wukong-build 9.9.",
        "| 40 | 236 | 11.4 | 1.7 | 11.5 |",
        "| 39 of 40 (97.50%) | 38 of 40 (95.00%) | 2 | 12345 | 410 px |",
        "| `img.test` | 37 |",
        "- `0:pages:http://site.test/`",
        "Some Engine was searched by permission: the operator, by mail",
        "| `shorter_side` | 91 | 51 | 40 |",
        "| `shorter_side` | filter | at\\_least: 200 | in pixels |",
        "The pages of 1 of 40 (2.50%) samples name a licence",
        "| https://creativecommons.org/licenses/by/4.0/ \\| \\<b\\>mine\\</b\\> | 1 |",
        "robots: 2 samples not asked for",
        "| `xmp` | in the bytes | only recorded | 3 | 1 |",
        "- Names of persons were not masked.",
    ],
)
def test_the_card_tells(figures: Dataset, said: str) -> None:
    """Statistics in the paper's form, hosts, sources, permissions, funnel, settings, licences, robots, opt-outs, limits."""
    assert said in dataset_card(figures)


def test_what_the_publisher_says_stands_in_it(figures: Dataset) -> None:
    """Title, licence, and who answers for it; without them the run's name and `unknown`."""
    settings = CardSettings(title="食谱", license="cc-by-4.0", creator="Kitchen", url="https://kitchen.test/")
    card = dataset_card(msgspec.structs.replace(figures, settings=settings))
    front = yaml.safe_load(card.split("---")[1])
    assert (front["pretty_name"], front["license"]) == ("食谱", "cc-by-4.0")
    assert "# 食谱" in card
    assert "Kitchen answers for it. More on it, and whom to ask: https://kitchen.test/" in card
    assert yaml.safe_load(dataset_card(figures).split("---")[1])["license"] == "unknown"


def test_what_was_done_to_the_pictures(figures: Dataset) -> None:
    """Blurred, resized, both, or nothing."""
    assert "(`.jpg`, `.png`), its" in dataset_card(figures)
    blurred = msgspec.structs.replace(figures, blur_faces=True)
    assert "`.png`, faces that were found (`face_boxes`) blurred), its" in dataset_card(blurred)
    both = msgspec.structs.replace(blurred, resize=Resize(mode="border", side=96))
    assert "(`face_boxes`) blurred, resized by `border` to 96 pixels), its" in dataset_card(both)


def test_the_features_of_lists(figures: Dataset) -> None:
    """As the Hub writes lists of values, and of records."""
    scores = {"face_boxes": FACE_BOXES, "alternate_captions": pa.list_(pa.string())}
    front = yaml.safe_load(dataset_card(msgspec.structs.replace(figures, scores=scores)).split("---")[1])
    (record,) = (each["struct"] for each in front["dataset_info"]["features"] if each["name"] == "json")
    edges = [{"name": name, "dtype": "float64"} for name in ("left", "top", "right", "bottom", "confidence")]
    assert record[-2:] == [{"name": "face_boxes", "list": edges}, {"name": "alternate_captions", "list": "string"}]


def test_the_features_name_every_format(figures: Dataset) -> None:
    """`datasets` must know every extension beforehand."""
    front = yaml.safe_load(dataset_card(figures).split("---")[1])
    features = {feature["name"]: feature.get("dtype") for feature in front["dataset_info"]["features"]}
    assert {name for name, dtype in features.items() if dtype == "image"} == {"jpg", "png"}


@pytest.mark.parametrize(
    ("count", "word"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_892_381, "10M<n<100M"), (101_483_885, "100M<n<1B"), (10**13, "n>1T")],
)
def test_size_categories(count: int, word: str) -> None:
    """The Hub's words."""
    assert size_category(count) == word
