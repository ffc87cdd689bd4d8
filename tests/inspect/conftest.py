"""A small run whose crawl was written by hand, so that no network is needed; filter and shard are the real ones."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from wukong_build import run
from wukong_build.inspect.run import Run
from wukong_build.picture import Picture
from wukong_build.schema import IMAGES, PAGES, PAIRS, ROBOTS
from wukong_build.store import Store
from wukong_build.web.url import key_of

HOSTILE = '红烧肉</p><script>alert("hostile")</script>\x1b[31m　好吃'
ANSWERED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LICENCE = "https://creativecommons.org/licenses/by/4.0/"
PAGE_COUNT = 8


def jpeg(seed: int, width: int, height: int) -> bytes:
    """A picture of large soft patches, which differ with the seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


CAPTIONS = {
    "cat": "一只猫坐在窗台上",
    "cat-small": "窗台上的猫",
    "hostile": HOSTILE,
    "banner": "横贯整个页面的长幅广告",
    "half": "只传了一半的照片",
    "untold": None,
    "gone": "再也找不到的照片",
    "private": "不许看的照片",
    "closed": "不许训练的照片",
}
FOUND = {
    "cat": jpeg(1, 400, 300),
    "cat-small": jpeg(1, 240, 180),
    "hostile": jpeg(2, 300, 300),
    "banner": jpeg(3, 800, 200),
    "half": jpeg(4, 400, 400)[:3000],
    "untold": jpeg(5, 300, 300),
}
HELD = {
    "gone": {"error": "404", "http_status": 404, "robots": "allowed", "attempts": 1, "fetched_at": ANSWERED},
    "private": {"error": "robots", "robots": "disallowed", "attempts": 0},
    "closed": {"error": "opted_out", "robots": "allowed", "attempts": 0, "opt_out": ["meta_robots:noai"]},
}
"""What asking for the others came to in the end."""

BEFORE = {
    "gone": {"error": "timeout", "robots": "allowed", "attempts": 3},
    "private": {"error": "moved", "http_status": 302, "robots": "allowed", "attempts": 1, "fetched_at": ANSWERED}
    | {"location": "http://cdn.test/private.jpg", "final_url": "http://img.test/private.jpg"},
    "cat": {"error": "5xx", "http_status": 503, "robots": "allowed", "attempts": 3, "fetched_at": ANSWERED},
}
"""What came of it before."""

AFTER = {
    "cat": {"error": "not_modified", "http_status": 304, "robots": "allowed", "attempts": 1, "fetched_at": ANSWERED},
}
"""What came of looking again."""


@pytest.fixture(scope="session")
def url() -> Any:
    """URL of an image by its name."""
    return lambda name: f"http://img.test/{name}.jpg"


@pytest.fixture(scope="session")
def key(url: Any) -> Any:
    """Key of an image by its name."""
    return lambda name: key_of(url(name))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run: nine samples, of which two are kept, on eight pages that all show the cat."""
    path = tmp_path_factory.mktemp("inspect") / "run"
    store = Store(str(path))
    for folder, table in _facts().items():
        store.write(folder, "00000", table, "fact")
    for part, answers in (("00000", BEFORE), ("00001", HELD | {name: {} for name in FOUND}), ("00002", AFTER)):
        rows = [_image(name, answer) for name, answer in answers.items()]
        store.write("crawl/images", part, pa.Table.from_pylist(rows, schema=IMAGES.arrow), "fact")
    return run(_config(path))


def _config(path: Path) -> dict[str, Any]:
    return {
        "run": str(path),
        "crawl": {
            "user_agent": "tests (+mailto:crawl@site.test)",
            "sources": [{"pages": {"seeds": ["http://site.test/"], "depth": 1}}],
            "opt_out": {"content_usage": "record"},
        },
        "filter": {
            "shorter_side": {},
            "aspect_ratio": {"at_most": 3},
            "normalise_caption": {},
            "han_count": {"at_least": 1, "at_most": 31},
            "decodable": {"at_least": 1},
            "sensitive_words": {"at_most": 0},
            "phash": {},
            "near_duplicate": {"hamming_distance": 4, "at_most": 0},
        },
        "executor": {"workers": 1},
    }


def _facts() -> dict[str, pa.Table]:
    """Folder → what the network said."""
    robots = [
        {"origin": f"http://{host}", "host": host, "http_status": 200, "text": "", "fetched_at": ANSWERED}
        for host in ("site.test", "img.test", "cdn.test")
    ] + [{"origin": "http://lost.test", "host": "lost.test", "error": "blocked_address", "fetched_at": ANSWERED}]
    pages = [f"http://site.test/{number or ''}" for number in range(PAGE_COUNT)]
    rows = [
        {"url": page, "host": "site.test", "depth": int(page != pages[0]), "round": int(page != pages[0]), "decision": "asked"}
        | {"http_status": 200, "links": pages, "pair_count": 1, "fetched_at": ANSWERED}
        for page in pages
    ]
    rows[0] |= {"licences": [{"url": LICENCE, "origin": "rel_license"}]}
    rows[1] |= {"opt_out": ["content_usage:train-ai=n"]}
    pairs = [_pair("cat", page, 0) for page in pages]
    pairs += [_pair(name, pages[0], position) for position, name in enumerate(CAPTIONS) if name != "cat"]
    pairs[-1] |= {"extra": '{"评分":3}', "query": "红茶"}
    return {
        "crawl/robots": pa.Table.from_pylist(robots, schema=ROBOTS.arrow),
        "crawl/pages": pa.Table.from_pylist(rows, schema=PAGES.arrow),
        "crawl/pairs": pa.Table.from_pylist(pairs, schema=PAIRS.arrow),
    }


def _pair(name: str, page: str, position: int) -> dict[str, Any]:
    url = f"http://img.test/{name}.jpg"
    texts = [("点击查看大图", "alt", 0), (CAPTIONS[name], "figcaption", 2)]
    candidates = [{"text": text, "origin": origin, "distance": distance} for text, origin, distance in texts if CAPTIONS[name]]
    return {"key": key_of(url), "url": url, "page_url": page, "position": position, "texts": candidates}


def _image(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    """A row of `IMAGES`: with that answer, or else with the image."""
    url = f"http://img.test/{name}.jpg"
    if answer:
        return {"key": key_of(url), "url": url, **answer}
    header = Picture(FOUND[name]).header
    assert header is not None
    found = {"format": header.format, "width": header.width, "height": header.height, "orientation": header.orientation}
    answer = {"http_status": 200, "final_url": url, "content_type": "image/jpeg", "fetched_at": ANSWERED, "attempts": 1}
    row = {"key": key_of(url), "url": url, "robots": "allowed", **answer, **found}
    return row | {"image_bytes": len(FOUND[name]), "sha256": name, "image": FOUND[name]}
