"""What a picture says and shows, for every kind of file that the web sends."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, features

from wukong_build.picture import AT_MOST_PIXELS, FORMATS, Header, Picture, _plain_jpeg_header

WIDTH, HEIGHT = 96, 64


def scene() -> Image.Image:
    """Light above left, dark below right, in colour: no turn or flip leaves it as it is."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    red = 255 * (1 - 0.7 * x - 0.3 * y)
    return Image.fromarray(np.stack([red, red * 0.9, red * 0.8], axis=2).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The file that Pillow makes of it."""
    file = io.BytesIO()
    image.copy().save(file, kind, **options)  # a copy: Pillow keeps how it was saved last, and means to save a TIFF so
    return file.getvalue()


def orientation(value: int) -> Image.Exif:
    """EXIF data that says nothing but the orientation."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def png_header(width: int, height: int, colour: int = 2) -> bytes:
    """A PNG that claims this size, and whose pixels are junk."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\x04IDATjunkjunk"
    )


def bmp_header(width: int, height: int) -> bytes:
    """A BMP that claims this size, and has no pixels."""
    return b"BM" + struct.pack("<IHHIIiiHHIIIIII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def pixels(content: bytes) -> np.ndarray:
    """The grey picture of the file as numbers."""
    grey = Picture(content).grey
    assert grey is not None
    assert grey.mode == "L"
    return np.asarray(grey).astype(int)


avif = pytest.param("AVIF", {}, marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF"))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("MPO", {"save_all": True, "append_images": [scene()]}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"save_all": True, "append_images": [scene().rotate(180)]}),
        ("GIF", {"save_all": True, "append_images": [scene().rotate(180)]}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "jpeg"}),
        avif,
    ],
)
def test_every_format_is_recognised_by_its_bytes_and_decoded(kind: str, options: dict[str, object]) -> None:
    """Each format of the web gives its header and, of its first frame, nearly the same grey picture."""
    content = saved(scene(), kind, **options)
    assert Picture(content).header == Header(FORMATS[kind], WIDTH, HEIGHT, 1)
    expected = np.asarray(scene().convert("L")).astype(int)
    assert np.abs(pixels(content) - expected).mean() < 4


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nothing", b""),
        ("a page", b"<!doctype html><html><body>404</body></html>"),
        ("a drawing", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("an icon", saved(scene(), "ICO")),
        ("magic bytes alone", b"\xff\xd8\xff"),
        ("a cut header", saved(scene(), "PNG")[:20]),
        ("zeros", bytes(1000)),
        ("no size", bmp_header(0, 10)),
        ("more pixels a side than a column holds", png_header(2**32 - 5, 10)),
    ],
)
def test_other_bytes_are_no_image(name: str, content: bytes) -> None:
    """What is not an image in a known format has neither header nor pixels."""
    picture = Picture(content)
    assert (picture.header, picture.grey) == (None, None)


@pytest.mark.parametrize("kind", ["JPEG", "progressive", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_truncated_file_does_not_decode(kind: str) -> None:
    """Of a file cut at 99 % nothing is shown, rather than a part."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8))
    content = saved(noise, "JPEG", progressive=True) if kind == "progressive" else saved(noise, kind)
    assert Picture(content).grey is not None
    assert Picture(content[: len(content) * 99 // 100]).grey is None


@pytest.mark.parametrize(
    "content",
    [png_header(AT_MOST_PIXELS, 2), bmp_header(60_000, 60_000), bmp_header(2**31 - 1, 2**31 - 1)],
    ids=["PNG", "BMP", "largest BMP"],
)
def test_a_bomb_is_never_decoded(content: bytes) -> None:
    """An image with too many pixels says its size, and is not decoded."""
    picture = Picture(content)
    assert picture.header is not None
    assert picture.header.width * picture.header.height > AT_MOST_PIXELS
    assert picture.grey is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_header_reads_no_pixels(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and orientation cost no decode, even where Pillow would decode a PNG to look for EXIF behind its pixels."""
    content = saved(scene(), kind)
    loaded: list[Image.Image] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: loaded.append(image))  # noqa: PLW0108  only a function becomes a method
    assert Picture(content).header == Header(FORMATS[kind], WIDTH, HEIGHT, 1)
    assert loaded == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", pytest.param("AVIF", marks=avif.marks)])
@pytest.mark.parametrize("value", range(1, 9))
def test_the_grey_picture_is_upright(kind: str, value: int) -> None:
    """Width and height are as stored, the grey picture as a browser shows it, for all eight orientations of EXIF."""
    turned = {
        1: scene(),
        2: scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: scene().transpose(Image.Transpose.ROTATE_180),
        4: scene().transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: scene().transpose(Image.Transpose.TRANSPOSE),
        6: scene().transpose(Image.Transpose.ROTATE_90),  # stored turned left; 6 says: turn right to see it
        7: scene().transpose(Image.Transpose.TRANSVERSE),
        8: scene().transpose(Image.Transpose.ROTATE_270),
    }[value]
    content = saved(turned, kind, exif=orientation(value))
    assert Picture(content).header == Header(FORMATS[kind], *turned.size, value)
    shown = pixels(content)
    assert shown.shape == (HEIGHT, WIDTH)
    assert np.abs(shown - np.asarray(scene().convert("L"))).mean() < 6


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", orientation(77).tobytes()],
    ids=["garbage", "offset beyond the end", "cut", "orientation 77"],
)
def test_broken_exif_spoils_no_picture(exif: bytes) -> None:
    """Where EXIF makes no sense the picture is taken as stored."""
    content = saved(scene(), "JPEG", exif=exif)
    assert Picture(content).header == Header("jpg", WIDTH, HEIGHT, 1)
    assert pixels(content).shape == (HEIGHT, WIDTH)


def ramp(dtype: type, top: float) -> np.ndarray:
    """From 0 at the left to `top` at the right."""
    return np.tile(np.linspace(0, top, WIDTH), (HEIGHT, 1)).astype(dtype)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("8 bits", saved(Image.fromarray(ramp(np.uint8, 255)), "PNG")),
        ("16 bits", saved(Image.fromarray(ramp(np.uint16, 65535)), "PNG")),
        ("16 bits, TIFF", saved(Image.fromarray(ramp(np.uint16, 65535)), "TIFF")),
        ("32 bits", saved(Image.fromarray(ramp(np.int32, 1e9)), "TIFF")),
        ("floats", saved(Image.fromarray(ramp(np.float32, 1.0)), "TIFF")),
        ("CMYK", saved(Image.fromarray(ramp(np.uint8, 255)).convert("RGB").convert("CMYK"), "JPEG", quality=95)),
        ("CMYK, TIFF", saved(Image.fromarray(ramp(np.uint8, 255)).convert("RGB").convert("CMYK"), "TIFF")),
        ("palette", saved(Image.fromarray(ramp(np.uint8, 255)).convert("RGB").quantize(256), "PNG")),
        ("grey with opaque alpha", saved(Image.fromarray(ramp(np.uint8, 255)).convert("LA"), "PNG")),
    ],
)
def test_every_depth_and_colour_model_gives_the_same_grey(name: str, content: bytes) -> None:
    """Black stays black and white stays white, in however many bits or inks they are stored."""
    assert np.abs(pixels(content)[HEIGHT // 2] - ramp(np.uint8, 255)[0].astype(int)).max() <= 4


def test_a_flat_deep_image_is_black() -> None:
    """32 bits of a single value have no brightest and darkest, and divide by nothing."""
    assert pixels(saved(Image.fromarray(np.full((70, 70), 7, np.int32)), "TIFF")).max() == 0


def test_floats_that_are_no_numbers_count_as_zero() -> None:
    """NaN and infinity in a float TIFF do not swallow the range of the rest."""
    floats = ramp(np.float32, 1.0)
    floats[0, :3] = [np.nan, np.inf, -np.inf]
    shown = pixels(saved(Image.fromarray(floats), "TIFF"))
    assert list(shown[0, :3]) == [0, 0, 0]
    assert shown[:, -1].min() == 255


def transparent(mode: str) -> bytes:
    """A black PNG whose left half is transparent."""
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, : WIDTH // 2] = 0
    if mode in ("RGBA", "LA"):
        image = Image.new(mode, (WIDTH, HEIGHT))
        image.putalpha(Image.fromarray(alpha))
        return saved(image, "PNG")
    levels = Image.fromarray(np.where(alpha == 255, 0, 1).astype(np.uint8))
    if mode == "P":
        levels.putpalette([0, 0, 0, 9, 9, 9])
    else:
        levels = levels.convert(mode)
    return saved(levels, "PNG", transparency={"P": 1, "L": 1, "RGB": (1, 1, 1)}[mode])


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_what_is_transparent_is_white(mode: str) -> None:
    """Transparent pixels are white, as on a page, whether an alpha channel or a colour says so."""
    row = pixels(transparent(mode))[HEIGHT // 2]
    assert list(row[[0, WIDTH // 2 - 1, WIDTH // 2, WIDTH - 1]]) == [255, 255, 0, 0]


@pytest.mark.parametrize(
    ("kind", "size", "shorter"),
    [
        ("JPEG", (1280, 960), 120),
        ("JPEG", (400, 300), 75),
        ("JPEG", (6000, 4000), 500),
        ("PNG", (1280, 960), 320),
        ("PNG", (600, 4000), 300),
        ("PNG", (100, 90), 90),
        ("PNG", (1, 1), 1),
    ],
)
def test_the_grey_picture_is_small(kind: str, size: tuple[int, int], shorter: int) -> None:
    """A JPEG is decoded at up to an eighth, every picture is reduced to a side below 512, and none is enlarged."""
    grey = Picture(saved(Image.new("RGB", size, "red"), kind)).grey
    assert grey is not None
    assert min(grey.size) == shorter


def test_pillow_is_silent() -> None:
    """What Pillow warns of is a fact of the web: reading a picture never warns, nor does a warning made an error spoil it."""
    content = transparent("P")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Picture(content).header is not None
        assert Picture(content).grey is not None


def test_a_picture_is_decoded_once() -> None:
    """Asking twice gives the very same picture."""
    picture = Picture(saved(scene(), "JPEG"))
    assert picture.grey is picture.grey
    assert picture.header is picture.header


@pytest.mark.parametrize(
    "how", [{}, {"progressive": True}, {"quality": 5}, {"comment": "图"}, {"optimize": True}, {"subsampling": 0}]
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_short_way_to_a_header_agrees_with_pillow(how: dict[str, Any], mode: str) -> None:
    """A plain JPEG is known without Pillow; whatever bytes are broken, what is known so is what Pillow says."""
    file = io.BytesIO()
    Image.effect_noise((37, 21), 90).convert(mode).save(file, "JPEG", **how)
    whole = file.getvalue()
    assert _plain_jpeg_header(whole) == Header("jpg", 37, 21, 1) == _opened_header(whole)
    rng = random.Random(20220214)
    for _ in range(400):
        broken = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            broken[rng.randrange(700) % len(broken)] = rng.randrange(256)
        bytes_ = bytes(broken[: rng.randrange(len(broken))] if rng.random() < 0.3 else broken)
        plain = _plain_jpeg_header(bytes_)
        assert plain is None or plain == _opened_header(bytes_)


@pytest.mark.parametrize("how", [{"exif": b"Exif\0\0II*\0"}, {"icc_profile": b"profile"}, {"xmp": b"<x/>"}])
def test_whatever_is_not_plain_is_left_to_pillow(how: dict[str, Any]) -> None:
    """EXIF may turn a picture, and Pillow knows how."""
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, "JPEG", **how)
    assert _plain_jpeg_header(file.getvalue()) is None


def _opened_header(content: bytes) -> Header | None:
    """What Pillow says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wukong_build.picture._plain_jpeg_header", lambda _: None)
        return Picture(content).header


NOISE = Image.fromarray(np.random.default_rng(20220214).integers(0, 255, (120, 180, 3), np.uint8))
DEEP = Image.fromarray(np.random.default_rng(20220214).integers(0, 65535, (120, 180), np.uint16))
SEE_THROUGH = np.random.default_rng(20220214).integers(0, 255, (120, 180), np.uint8)
SEE_THROUGH[:, :50] = 255


def cut_out(mode: str = "RGBA") -> Image.Image:
    """Noise whose left quarter alone is opaque."""
    image = NOISE.convert("L" if mode == "LA" else "RGB")
    image.putalpha(Image.fromarray(SEE_THROUGH))
    return image


def animated(kind: str, image: Image.Image = NOISE, **options: object) -> bytes:
    """Three frames, the first of which is the image."""
    frames = [image.rotate(180), image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    return saved(image, kind, save_all=True, append_images=frames, **options)


def cmyk(segment: bool) -> bytes:
    """A CMYK JPEG with all inks inverted, as Adobe's programs write it, and with or without Adobe's segment, which says so."""
    content = saved(NOISE.convert("CMYK"), "JPEG", quality=95)
    start = content.index(b"\xff\xee\x00\x0eAdobe")
    return content if segment else content[:start] + content[start + 16 :]


class Kind(NamedTuple):
    """A kind of file, and what is true of it."""

    name: str
    make: Callable[[], bytes]
    format: str
    difference: float = 1.0
    """Of its grey levels from those of the noise that was saved, on average: what the format loses."""
    frames: int = 1
    transparency: float = 0.0
    needs: str = ""
    """What Pillow must have been built with."""
    expected: Image.Image = NOISE


OPAQUE = (SEE_THROUGH == 255).mean()

KINDS = [
    Kind("JPEG", lambda: saved(NOISE, "JPEG", quality=95), "jpg", 8),
    Kind("progressive JPEG", lambda: saved(NOISE, "JPEG", quality=95, progressive=True), "jpg", 8),
    Kind("grey JPEG", lambda: saved(NOISE.convert("L"), "JPEG", quality=95), "jpg", 4),
    Kind("JPEG with a profile", lambda: saved(NOISE, "JPEG", quality=95, icc_profile=srgb()), "jpg", 8),
    Kind("JPEG of RGB without luma", lambda: saved(NOISE, "JPEG", quality=95, keep_rgb=True), "jpg", 4),
    Kind("CMYK JPEG of Adobe's", lambda: cmyk(segment=True), "jpg", 4),
    Kind("CMYK JPEG of another's, which browsers take for Adobe's", lambda: cmyk(segment=False), "jpg", 4),
    Kind("MPO", lambda: animated("MPO", quality=95), "jpg", 8, frames=3),
    Kind("PNG", lambda: saved(NOISE, "PNG"), "png"),
    Kind("PNG with a profile", lambda: saved(NOISE, "PNG", icc_profile=srgb()), "png"),
    Kind("grey PNG", lambda: saved(NOISE.convert("L"), "PNG"), "png"),
    Kind("PNG, 1 bit", lambda: saved(NOISE.convert("1"), "PNG"), "png", expected=NOISE.convert("1")),
    Kind("PNG, 16 bits", lambda: saved(DEEP, "PNG"), "png", expected=Image.fromarray((np.asarray(DEEP) >> 8).astype(np.uint8))),
    Kind("palette", lambda: saved(NOISE.quantize(64), "PNG"), "png", expected=NOISE.quantize(64).convert("RGB")),
    Kind("grey and alpha", lambda: saved(cut_out("LA"), "PNG"), "png", transparency=1 - OPAQUE, expected=cut_out("LA")),
    Kind("RGBA", lambda: saved(cut_out(), "PNG"), "png", transparency=1 - OPAQUE, expected=cut_out()),
    Kind("RGBA, all opaque", lambda: saved(NOISE.convert("RGBA"), "PNG"), "png"),
    Kind("APNG", lambda: animated("PNG"), "png", frames=3),
    Kind("APNG with a default image", lambda: animated("PNG", default_image=True), "png", frames=3),
    Kind("WebP", lambda: saved(NOISE, "WEBP", quality=95), "webp", 8, needs="webp"),
    Kind("lossless WebP", lambda: saved(NOISE, "WEBP", lossless=True), "webp", needs="webp"),
    Kind(
        "WebP with alpha",
        lambda: saved(cut_out(), "WEBP", lossless=True, exact=True),
        "webp",
        1,
        1,
        1 - OPAQUE,
        "webp",
        cut_out(),
    ),
    Kind("animated WebP", lambda: animated("WEBP", lossless=True), "webp", frames=3, needs="webp"),
    Kind("GIF", lambda: saved(NOISE, "GIF"), "gif", 8),
    Kind("animated GIF", lambda: animated("GIF"), "gif", 8, frames=3),
    Kind("BMP", lambda: saved(NOISE, "BMP"), "bmp"),
    Kind("TIFF", lambda: saved(NOISE, "TIFF"), "tif"),
    Kind("TIFF, LZW", lambda: saved(NOISE, "TIFF", compression="tiff_lzw"), "tif", needs="libtiff"),
    Kind("TIFF, 16 bits", lambda: saved(DEEP, "TIFF"), "tif", expected=Image.fromarray((np.asarray(DEEP) >> 8).astype(np.uint8))),
    Kind("TIFF, RGBA", lambda: saved(cut_out(), "TIFF"), "tif", transparency=1 - OPAQUE, expected=cut_out()),
    Kind("BigTIFF", lambda: saved(NOISE, "TIFF", big_tiff=True), "tif"),
    Kind("TIFF of several pages", lambda: animated("TIFF"), "tif", frames=3),
    Kind("AVIF", lambda: saved(NOISE, "AVIF", quality=95), "avif", 8, needs="avif"),
    Kind("AVIF with alpha", lambda: saved(cut_out(), "AVIF", quality=100), "avif", 20, 1, 1 - OPAQUE, "avif", cut_out()),
    Kind("AVIF sequence", lambda: animated("AVIF", quality=95), "avif", 8, frames=3, needs="avif"),
]


def srgb() -> bytes:
    """The profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def on_white(image: Image.Image) -> np.ndarray:
    """The image in grey, on a white page."""
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image.convert("RGBA"))
    return np.asarray(page.convert("L")).astype(int)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_file_is_handled_on_purpose(kind: Kind) -> None:
    """Its format, its size, how many frames it has, how much is transparent, and what it shows: of each kind, what went in."""
    if kind.needs and not features.check(kind.needs):
        pytest.skip(f"this Pillow has no {kind.needs}")
    picture = Picture(kind.make())
    assert picture.header == Header(kind.format, *NOISE.size, 1)
    assert picture.frame_count == kind.frames
    assert picture.transparency == pytest.approx(kind.transparency)
    assert np.abs(pixels(picture.content) - on_white(kind.expected)).mean() < kind.difference


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_cut_within_the_first_picture_does_not_decode(kind: Kind) -> None:
    """A file cut at 99 % is damaged wherever what is missing belongs to the first picture; of several pictures, at 99 % of that.

    PNG and GIF end in bytes that hold no pixels: a file that lacks only these shows all of them.
    """
    if kind.needs and not features.check(kind.needs):
        pytest.skip(f"this Pillow has no {kind.needs}")
    content = kind.make()
    cut = content[: len(content) * 99 // 100 // kind.frames]
    assert Picture(cut).grey is None
    if kind.frames == 1:
        assert Picture(cut).transparency in (0, None)


@pytest.mark.parametrize("kind", ["MPO", "APNG", "animated GIF", "TIFF of several pages"])
def test_a_cut_behind_the_first_picture_is_not_seen(kind: str) -> None:
    """Of several pictures the first is decoded, and the sample is that one; WebP and AVIF say how long the whole file is."""
    content = next(each.make() for each in KINDS if each.name == kind)
    assert Picture(content[: len(content) * 99 // 100]).grey is not None


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("no image", b"<html>", None),
        ("a colour of a palette", transparent("P"), 0.5),
        ("a level of grey", transparent("L"), 0.5),
        ("a colour", transparent("RGB"), 0.5),
        ("a colour of a GIF", saved(NOISE.quantize(2), "GIF", transparency=0), (np.asarray(NOISE.quantize(2)) == 0).mean()),
        ("a JPEG that does not decode", saved(NOISE, "JPEG")[:2000], 0),
        ("a PNG without transparency that does not decode", saved(NOISE, "PNG")[:2000], 0),
        ("a bomb", png_header(AT_MOST_PIXELS, 2), 0),
        ("a bomb with alpha", png_header(AT_MOST_PIXELS, 2, colour=6), None),
    ],
)
def test_transparency(name: str, content: bytes, expected: float | None) -> None:
    """The share of pixels that are not opaque, whoever says so; a file without transparency has none, even if it is damaged."""
    assert Picture(content).transparency == (expected if expected is None else pytest.approx(expected))


def test_a_transparent_level_of_16_bits() -> None:
    """PNG may call one level of 16 bits transparent."""
    levels = np.full((20, 20), 1000, np.uint16)
    levels[:5] = 2000
    content = saved(Image.fromarray(levels), "PNG")
    transparency = b"tRNS" + struct.pack(">H", 1000)
    chunk = struct.pack(">I", 2) + transparency + struct.pack(">I", zlib.crc32(transparency))
    start = content.index(b"IDAT") - 4
    assert Picture(content[:start] + chunk + content[start:]).transparency == 0.75


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", pytest.param("AVIF", marks=avif.marks)])
def test_frames_are_counted_and_opaqueness_is_known_without_decoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither costs a decode where nothing in the file may be transparent."""
    content = saved(scene(), kind) if kind in ("JPEG", "BMP") else animated(kind, scene())
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    assert Picture(content).frame_count == (1 if kind in ("JPEG", "BMP") else 3)
    if kind != "GIF":  # whose first frame may leave parts of the screen open
        assert Picture(content).transparency == 0


@pytest.mark.parametrize(
    ("kind", "size", "shorter"),
    [
        ("JPEG", (1280, 960), 480),
        ("JPEG", (400, 300), 300),
        ("JPEG", (6000, 4000), 500),
        ("JPEG", (2000, 2100), 500),
        ("PNG", (1280, 960), 320),
        ("PNG", (100, 90), 90),
        ("PNG", (1, 1), 1),
    ],
)
def test_the_fine_grey_picture_keeps_256_pixels_a_side(kind: str, size: tuple[int, int], shorter: int) -> None:
    """It has 256 to 511 pixels along its shorter side, or all there are, and shows what the grey picture shows."""
    image = Image.radial_gradient("L").resize(size)
    picture = Picture(saved(image, kind))
    assert picture.fine_grey is not None
    assert picture.grey is not None
    assert min(picture.fine_grey.size) == shorter
    again = np.asarray(picture.fine_grey.resize(picture.grey.size, Image.Resampling.BOX)).astype(int)
    assert np.abs(again - np.asarray(picture.grey)).mean() < 1


@pytest.mark.parametrize("value", range(1, 9))
def test_the_fine_grey_picture_is_upright(value: int) -> None:
    """It lies as the grey picture does."""
    image = scene().resize((960, 640))
    picture = Picture(saved(image, "JPEG", exif=orientation(value)))
    assert picture.fine_grey is not None
    assert picture.grey is not None
    assert min(picture.fine_grey.size) == 320
    again = np.asarray(picture.fine_grey.resize(picture.grey.size)).astype(int)
    assert np.abs(again - np.asarray(picture.grey)).mean() < 2


def test_what_does_not_decode_has_no_fine_grey_picture() -> None:
    """As it has no grey one."""
    assert [Picture(content).fine_grey for content in (b"", saved(NOISE, "JPEG")[:2000], png_header(AT_MOST_PIXELS, 2))] == [
        None
    ] * 3


def test_a_fine_grey_picture_is_decoded_only_where_the_grey_one_is_too_coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all but middling JPEGs the grey picture itself is fine enough."""
    for content in (
        saved(NOISE, "PNG"),
        saved(Image.new("RGB", (120, 100)), "JPEG"),
        saved(Image.new("RGB", (2600, 2100)), "JPEG"),
    ):
        picture = Picture(content)
        assert picture.fine_grey is picture.grey
