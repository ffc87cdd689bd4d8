"""What is said about a picture goes; what it shows stays."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from wukong_build.shards.metadata import stripped

SECRET = b"secret"
GPS, ORIENTATION, MAKER = 0x8825, 0x0112, 0x010F


def picture(mode: str = "RGB") -> Image.Image:
    """Some colours, no two corners alike."""
    rows, columns = np.mgrid[0:40, 0:60]
    image = Image.fromarray(np.stack([rows * 6, columns * 4, rows + columns], axis=-1).astype(np.uint8))
    return image.convert(mode)


def exif(orientation: int) -> Image.Exif:
    """Where the picture was taken, with which camera, and which way is up."""
    tags = Image.Exif()
    tags[MAKER], tags[ORIENTATION] = SECRET.decode(), orientation
    tags.get_ifd(GPS).update({1: "N", 2: (31.0, 14.0, 0.0), 29: SECRET.decode()})
    return tags


def file_of(extension: str, orientation: int = 1, **options: Any) -> bytes:
    """A file with all the metadata that Pillow writes in the format."""
    file = io.BytesIO()
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    said: dict[str, dict[str, Any]] = {
        "jpg": {"exif": exif(orientation), "comment": SECRET, "xmp": SECRET},
        "png": {"exif": exif(orientation), "pnginfo": texts},
        "webp": {"exif": exif(orientation), "xmp": SECRET},
        "gif": {"comment": SECRET},
    }
    kind = {"jpg": "JPEG"}.get(extension, extension.upper())
    picture("P" if extension == "gif" else "RGB").save(file, kind, **said[extension], **options)
    return file.getvalue()


def pixels(content: bytes) -> np.ndarray[Any, Any]:
    """What is seen, turned upright."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "gif"])
def test_metadata_go_and_pixels_stay(extension: str, orientation: int) -> None:
    """No word of EXIF, GPS, XMP or a comment is left; the picture looks as before, upright too."""
    content = file_of(extension, orientation)
    assert SECRET in content
    less = stripped(content, extension)
    assert SECRET not in less
    assert np.array_equal(pixels(less), pixels(content))
    with Image.open(io.BytesIO(less)) as image:
        assert set(image.getexif()) <= {ORIENTATION}
        assert not image.getexif().get_ifd(GPS)
    assert stripped(less, extension) == less


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_the_colour_profile_stays(extension: str) -> None:
    """It says what the numbers of the pixels mean."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(io.BytesIO(stripped(file_of(extension, icc_profile=profile), extension))) as image:
        assert image.info["icc_profile"] == profile


def test_progressive_jpegs_are_read_to_their_end() -> None:
    """All scans stay, and what stands behind the end goes."""
    content = file_of("jpg", progressive=True)
    less = stripped(content + SECRET, "jpg")
    assert np.array_equal(pixels(less), pixels(content))
    assert less.endswith(b"\xff\xd9")
    assert SECRET not in less


def test_an_animation_keeps_its_frames_and_times() -> None:
    """The block that says how often it is shown is no metadata."""
    file = io.BytesIO()
    frames = [picture("P").rotate(angle) for angle in (0, 90, 180)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=120, loop=3, comment=SECRET)
    with Image.open(io.BytesIO(stripped(file.getvalue(), "gif"))) as image:
        assert (image.n_frames, image.info["duration"], image.info["loop"]) == (3, 120, 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "gif"])
def test_broken_files_stay_as_they_are(extension: str) -> None:
    """What cannot be followed to its end is not cut: never a crash, never a file that is broken more than before."""
    content = file_of(extension)
    for end in range(0, len(content), 7):
        cut = content[:end]
        assert stripped(cut, extension) == cut or pixels(stripped(cut, extension)).size


@pytest.mark.parametrize("extension", ["tif", "avif", "bmp"])
def test_other_formats_are_left(extension: str) -> None:
    """Their metadata are not known here."""
    file = io.BytesIO()
    picture().save(file, {"tif": "TIFF"}.get(extension, extension.upper()))
    assert stripped(file.getvalue(), extension) == file.getvalue()
