"""Writes the demo's site into a folder, the same bytes every time: pages from `pages/`, images made from photographs."""

from __future__ import annotations

import io
import re
from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from PIL import Image

from wukong_build.demo.photographs import photograph
from wukong_build.demo.planted import PLANTED, SITE, Made, Planted

_CHARSET = re.compile(r'<meta charset="([^"]+)"')
_FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}


class Site(msgspec.Struct, frozen=True):
    """A site on disk, as `server.serve` wants it, and what is planted in it."""

    folder: Path
    seed: str = f"{SITE}/"
    planted: tuple[Planted, ...] = PLANTED


def build_site(folder: Path) -> Site:
    """The site, written into a folder: one directory a host."""
    with as_file(files("wukong_build.demo") / "pages") as pages:
        parts = {part.stem: part.read_text("utf-8").strip() for part in sorted((pages / "parts").iterdir())}
        for source in sorted(path for path in pages.rglob("*") if path.is_file() and path.parent.name != "parts"):
            _write(folder / source.relative_to(pages), _page(source.read_text("utf-8"), parts))
    for planted in PLANTED:
        if planted.made is not None:
            _write(_path(folder, planted.url), _image_file(planted.made, _FORMATS[Path(planted.url).suffix]))
    return Site(folder)


def _page(text: str, parts: dict[str, str]) -> bytes:
    """A page with the parts it names put in, in the encoding that its meta names."""
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    charset = _CHARSET.search(text)
    return text.encode(charset[1] if charset else "utf-8")


def _image_file(made: Made, image_format: str) -> bytes:
    """The bytes of an image file."""
    whole = photograph(made.photograph)
    left, top, right, bottom = made.box
    box = (left * whole.width, top * whole.height, right * whole.width, bottom * whole.height)
    size = made.size or (round(box[2] - box[0]), round(box[3] - box[1]))
    file = io.BytesIO()
    whole.resize(size, Image.Resampling.LANCZOS, box).save(file, image_format, quality=made.quality)
    return file.getvalue()[: int(len(file.getvalue()) * made.bytes_kept)]


def _path(folder: Path, url: str) -> Path:
    """Where the server looks for a URL."""
    parts = urlsplit(url)
    return folder / parts.netloc / parts.path.lstrip("/")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
