"""A small published dataset, written by hand: two shards of pictures in two formats, under captions that need care."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from wukong_build.schema import MANIFEST
from wukong_build.shards import CardSettings
from wukong_build.shards.card import Captions, Dataset, Filtering, Signal
from wukong_build.shards.members import image_member, text_members
from wukong_build.shards.tar import Tar
from wukong_build.store import Store

CAPTIONS = ('一只"猫",坐在窗台上', "两行\n文字", "回车\r在中间", "👩‍👩‍👧 𠮷野家", "")
LICENCE = {"url": "https://creativecommons.org/licenses/by/4.0/", "origin": "link"}
SCHEMA = MANIFEST.arrow.append(pa.field("phash", pa.string()))


def picture(number: int) -> tuple[str, bytes]:
    """A format, and a picture in it."""
    file, name = io.BytesIO(), ("jpg", "png")[number % 2]
    Image.new("RGB", (200 + number, 300), (number * 40, 0, 0)).save(file, {"jpg": "JPEG"}.get(name, name))
    return name, file.getvalue()


def sample(number: int) -> tuple[dict[str, Any], bytes]:
    """A row of a manifest, and its image."""
    url = f"http://img.test/{number}.jpg"
    kind, image = picture(number)
    row = {"key": hashlib.sha256(url.encode()).hexdigest()[:32], "url": url, "page_url": "http://site.test/"}
    row |= {
        "caption": CAPTIONS[number],
        "caption_found": "secret",
        "text_length": len(CAPTIONS[number]),
        "phash": f"{number:016x}",
    }
    row |= {"width": 200 + number, "height": 300, "format": kind, "image_bytes": len(image), "opt_out": [], "source": "0:urls:a"}
    row |= {"sha256": hashlib.sha256(image).hexdigest(), "licences": [LICENCE] if number % 2 else [], "caption_origin": "alt"}
    return row, image


@pytest.fixture(scope="session")
def rows() -> dict[str, dict[str, Any]]:
    """Key → row of the manifests, in the order of the shards."""
    return {row["key"]: row for row, _ in map(sample, range(len(CAPTIONS)))}


@pytest.fixture(scope="session")
def write_shard() -> Callable[[Store, str, range], None]:
    """Writes some of the samples as one shard."""

    def write(store: Store, name: str, numbers: range) -> None:
        members: dict[str, bytes] = {}
        for row, image in map(sample, numbers):
            members |= {image_member(row): image} | text_members(row)
        tar = Tar((member, len(content)) for member, content in members.items())
        with store.replacing(f"shards/{name}.tar") as file:
            tar.lay_out(file, members)
        store.write("shards", name, pa.Table.from_pylist([sample(number)[0] for number in numbers], schema=SCHEMA))

    return write


@pytest.fixture(scope="session")
def dataset(write_shard: Callable[[Store, str, range], None], tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The dataset, finished; read-only for tests."""
    store = Store(str(tmp_path_factory.mktemp("dataset") / "数据 集"))
    write_shard(store, "00000", range(3))
    write_shard(store, "00001", range(3, len(CAPTIONS)))
    store.finish("shard", "")
    assert Path(store.path("shards", "00001.tar")).is_file()
    return store


@pytest.fixture(scope="session")
def figures() -> Dataset:
    """A dataset in figures, with something in each."""
    return Dataset(
        name="cooking",
        settings=CardSettings(),
        made_by="wukong-build 9.9",
        sample_count=40,
        shard_count=3,
        image_bytes=12345,
        unique_images=39,
        unique_captions=38,
        median_shorter_side=410,
        host_count=2,
        licensed=1,
        formats={"png": 30, "jpg": 10},
        captions=Captions(tokens=456, unique_tokens=236, mean=11.4, standard_deviation=1.7, median=11.5),
        hosts={"img.test": 37, "site.test": 3},
        origins={"alt": 40},
        licences={"https://creativecommons.org/licenses/by/4.0/ | <b>mine</b>": 1},
        funnel=[{"step": "shorter_side", "seen": 91, "dropped": 51, "left": 40}],
        links=[Filtering(name="shorter_side", kind="filter", meaning="in pixels", settings={"at_least": 200.0, "at_most": None})],
        sources=["0:pages:http://site.test/"],
        permissions={"Some Engine": "the operator, by mail"},
        opt_outs=[Signal(name="xmp", meaning="in the bytes", obeyed=False, samples=3, unpublished=1)],
        refused_by_robots={"robots": 2},
        limits=["Names of persons were not masked."],
    )
