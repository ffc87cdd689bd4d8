"""One image: what its header says, and its pixels in grey or colour, decoded at the smallest scale that serves.

Knows nothing of samples, columns or filters. Bytes are recognised by what they are, never by a name or a header of HTTP.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import Any, cast

import msgspec
import numpy as np
import simplejpeg
from PIL import Image, ImageCms

from wukong_build import frames

Image.MAX_IMAGE_PIXELS = None  # the header is always read; `Picture.grey` refuses bombs by its own bound, before any decode

AT_MOST_PIXELS = 178_956_970
"""Images with more pixels than this are never decoded (twice Pillow's warning, which is a quarter of a gigabyte at 24 bits)."""

_AT_MOST_SIDE = 2**31 - 1  # a header that claims more lies, and would not fit the columns `width` and `height`

GREY_SIDE = 64
"""A JPEG is decoded at the smallest scale that keeps the shorter side of its grey picture at least this long."""

_KEPT_SIDE = 256  # so a batch's grey pictures stay small; measured: at 64, two copies of a picture hash four times as far apart

_ON_ITS_SIDE = 5  # the first EXIF orientation at which what is stored as width is height

_SRGB = ImageCms.createProfile("sRGB")

_LONGEST_SIDE = 8192  # of a strip: resizing one of 178 million pixels by 1 took more memory than there is

FORMATS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif", "AVIF": "avif"}
"""Pillow's name of a format → the file extension that shards use (MPO is a JPEG with further pictures behind the first)."""

_OPENERS = tuple(name for name in FORMATS if name != "MPO")  # Pillow opens an MPO as JPEG and has no opener of that name

_DAMAGE = ("remature end", "bad Huffman code", "extraneous bytes", "instead of RST")
_PADDED = "extraneous bytes before marker 0xd9"
"""What libjpeg says where data is missing or makes no sense, and where there is too much of it at the end."""

_END = b"\xff\xd9"  # of a JPEG

_ORIENTATION, _IMAGE_WIDTH, _IMAGE_LENGTH = 0x0112, 0x0100, 0x0101

_METADATA_BYTES = 1 << 18  # of a JPEG, within which it tells of further pictures: before its pixels

_SEGMENT, _FRAME = struct.Struct(">BBH"), struct.Struct(">BHHB")
_FRAMES = (0xC0, 0xC1, 0xC2)
_QUANTISATION, _SCAN, _JFIF = 0xDB, 0xDA, 0xE0
_PASSED_OVER = (0xC4, 0xDD, 0xFE, _JFIF)
"""Markers of JPEG (ITU-T T.81, table B.1): frames in baseline, extended and progressive coding; tables; comments."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what turns the stored pixels upright; 1 needs nothing."""


class Header(msgspec.Struct, frozen=True):
    """What an image says of itself before its pixels are read."""

    format: str
    """Extension of the format its bytes are in: a value of `FORMATS`."""
    width: int
    height: int
    orientation: int
    """EXIF orientation, 1 to 8; 1 means as stored."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as the picture is shown."""
        return (self.width, self.height) if self.orientation < _ON_ITS_SIDE else (self.height, self.width)


class Picture:
    """The bytes of one image, and what was read from them so far."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    @cached_property
    def header(self) -> Header | None:
        """None where the bytes are not an image in one of `FORMATS`, or claim an impossible size."""
        if plain := _plain_jpeg_header(self.content):
            return plain
        try:
            with _opened(self.content) as image:
                width, height = _stored_size(image)
                if not (0 < width <= _AT_MOST_SIDE and 0 < height <= _AT_MOST_SIDE):
                    return None
                return Header(format=FORMATS[image.format or ""], width=width, height=height, orientation=_orientation(image))
        except Exception:  # noqa: BLE001  hostile bytes raise anything from struct.error to RecursionError; each means "no image"
            return None

    @cached_property
    def grey(self) -> Image.Image | None:
        """The picture in 8-bit grey, upright and reduced; None where it cannot be decoded in full.

        A JPEG is decoded at a reduced DCT scale: all its entropy-coded data is still read, so a truncated file is found.
        Of an animation it is the first frame.
        """
        return self._decoded(GREY_SIDE)

    @cached_property
    def fine_grey(self) -> Image.Image | None:
        """`grey` where that shows all there is or enough, else the same picture at a finer scale: for what asks after detail.

        Its shorter side is at least `_KEPT_SIDE` pixels, or as long as that of the picture itself; both sides are reduced alike.
        """
        header, grey = self.header, self.grey
        if header is None or grey is None or min(grey.size) >= min(_KEPT_SIDE, header.width, header.height):
            return grey
        return self._decoded(_KEPT_SIDE)

    def colour(self, at_least: tuple[int, int], background: str) -> Image.Image | None:
        """The picture in 8-bit sRGB, upright and opaque, not smaller than this unless it is; None where it cannot be decoded.

        Profiles and CMYK are converted, what is transparent shows the background, of an animation it is the first frame.
        """
        header = self.header
        if header is None or header.width * header.height > AT_MOST_PIXELS:
            return None
        width, height = header.upright_size
        scale = max(1, min(width // at_least[0], height // at_least[1]))
        try:
            if header.format == "jpg" and (plain := _jpeg(self.content, header, "RGB", scale)) is not None:
                return _upright(_in_srgb(plain, _jpeg_profile(self.content)), header.orientation)
            with _opened(self.content) as image:
                image.draft(image.mode, (header.width // scale, header.height // scale))
                image.load()
                return _upright(_opaque(image, background, scale), _orientation(image))
        except Exception:  # noqa: BLE001  hostile bytes, as above
            return None

    def _decoded(self, side: int) -> Image.Image | None:
        """In grey, upright, at the smallest scale of its decoder that leaves the shorter side this long; None where it fails."""
        header = self.header
        if header is None or header.width * header.height > AT_MOST_PIXELS:
            return None
        try:
            scale = min(header.width, header.height) // side
            if header.format == "jpg" and (grey := _jpeg(self.content, header, "GRAY", scale)) is not None:
                return _upright(_reduced(grey), header.orientation)
            with _opened(self.content) as image:
                scale = max(1, min(image.size) // side)
                image.draft("L", (image.width // scale, image.height // scale))
                image.load()
                return _upright(_reduced(_grey(image)), _orientation(image))  # Pillow has turned a TIFF by now, and says so
        except Exception:  # noqa: BLE001  as above: whatever a decoder raises, this picture cannot be decoded
            return None

    @cached_property
    def frame_count(self) -> int | None:
        """How many pictures the file holds: more than 1 in animations and files of pages. None where there is no header."""
        header = self.header
        if header is None:
            return None
        if header.format == "bmp" or (header.format == "jpg" and self.content.find(b"MPF\0", 0, _METADATA_BYTES) < 0):
            return 1
        try:
            if header.format in frames.COUNTERS:
                return frames.COUNTERS[header.format](self.content)
            with _opened(self.content) as image:
                return int(getattr(image, "n_frames", 1))  # of an MPO or an AVIF: read from its header
        except Exception:  # noqa: BLE001  as above: what it says of frames is broken, what it shows is one
            return 1

    @cached_property
    def transparency(self) -> float | None:
        """The share of its pixels, or of its first frame's, that are not opaque; None where these cannot be decoded.

        0 where the header tells of no transparency; then nothing is decoded.
        """
        header = self.header
        if header is None:
            return None
        if header.format == "jpg":
            return 0.0
        try:
            with _opened(self.content) as image:
                if not image.has_transparency_data:
                    return 0.0
                return None if header.width * header.height > AT_MOST_PIXELS else _transparency(image)
        except Exception:  # noqa: BLE001  as above
            return None


def _plain_jpeg_header(content: bytes) -> Header | None:
    """The header of a JPEG without EXIF, colour profile or any other oddity, as most of the web's are; else null.

    Pillow says the same ten times as slowly, which was a tenth of what fetching an image cost.
    """
    size: tuple[int, int] | None = None
    place = 2
    while content[:2] == b"\xff\xd8" and place + 4 <= len(content):
        prefix, marker, length = _SEGMENT.unpack_from(content, place)
        end = place + 2 + length
        if prefix != 0xFF or end > len(content):  # noqa: PLR2004  begins every marker
            return None
        if marker == _SCAN:
            return size and Header(format="jpg", width=size[0], height=size[1], orientation=1)
        if marker in _FRAMES and size is None and length >= 8:  # noqa: PLR2004  up to the count of components
            depth, height, width, components = _FRAME.unpack_from(content, place + 4)
            if depth != 8 or components not in (1, 3) or length != 8 + 3 * components or not (width and height):  # noqa: PLR2004  bits
                return None
            size = width, height
        elif marker == _QUANTISATION:
            if length not in (67, 132) or any(table > 3 for table in content[place + 4 : end : 65]):  # noqa: PLR2004  tables of 8 bits
                return None
        elif marker not in _PASSED_OVER or length < 16 * (marker == _JFIF):
            return None
        place = end
    return None


def _jpeg(content: bytes, header: Header, colours: str, scale: int) -> Image.Image | None:
    """The stored pixels of a JPEG, reduced by up to a scale; None where Pillow must look, as at CMYK.

    ValueError where it is damaged. libjpeg paints over what is missing and only warns, and Pillow does not listen: of files with
    4 kB zeroed or cut out it noticed a tenth, this notices 98 of 100. A progressive JPEG costs four times a baseline one. Its
    first scan alone would be as cheap, and the damage in nine of ten such files would go unseen; so all scans are read.
    """
    factor = min(8, 1 << max(0, scale.bit_length() - 1))  # scales that cost least
    size = {"min_width": -(-header.width // factor), "min_height": -(-header.height // factor)}
    try:
        pixels = simplejpeg.decode_jpeg(content, colours, **size)
    except ValueError as error:
        if _PADDED in str(error):
            pixels = simplejpeg.decode_jpeg(_without_padding(content), colours, **size)
        elif any(sign in str(error) for sign in _DAMAGE):
            raise
        else:
            return None
    return Image.fromarray(pixels[:, :, 0] if colours == "GRAY" else pixels)


def _jpeg_profile(content: bytes) -> bytes | None:
    """The colour profile of a JPEG, where it has one."""
    if content.find(b"ICC_PROFILE\0", 0, _METADATA_BYTES) < 0:
        return None
    with _opened(content) as image:
        profile: bytes | None = image.info.get("icc_profile")
        return profile


def _without_padding(content: bytes) -> bytes:
    """The file without what some cameras leave before its end."""
    return content[: content.rfind(_END)].rstrip(b"\0\xff") + _END


@contextlib.contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """The image with its header read, and Pillow's warnings silenced: odd metadata is a fact of the web.

    What is made to cost time before its first pixel is no image: Pillow took minutes over 20 MB of empty EXIF segments.
    """
    if frames.is_tedious(content):
        raise ValueError("more blocks before the pixels than any program writes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=_OPENERS) as image:
            yield image


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as stored; of a TIFF Pillow's own `size` is already the upright one."""
    tags = getattr(image, "tag_v2", None)
    return (int(tags[_IMAGE_WIDTH]), int(tags[_IMAGE_LENGTH])) if tags else image.size


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or it makes no sense."""
    try:
        orientation = int(Image.Image.getexif(image)[_ORIENTATION])  # PNG's own `getexif` would decode all pixels first
    except Exception:  # noqa: BLE001  broken EXIF raises as many things as broken pixels do, and spoils no picture
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _grey(image: Image.Image) -> Image.Image:
    """All its pixels in 8-bit grey; what is transparent is white, as on a page."""
    if image.mode.startswith("I;16"):
        return _deep_grey(image)
    if image.mode.startswith(("I", "F")):
        return _deep_grey(_reduced(image))  # reduced first: of the largest these would be gigabytes
    if image.mode == "LAB":
        return image.getchannel("L")
    if not image.has_transparency_data:
        return image.convert("L")
    image = _with_alpha(image)
    page = Image.new("L", image.size, "white")
    page.paste(image.convert("L"), mask=image.getchannel("A"))
    return page


def _opaque(image: Image.Image, background: str, scale: int) -> Image.Image:
    """All its pixels in 8-bit sRGB; what is transparent shows the background. Only 32-bit pictures are reduced by the scale."""
    if image.mode.startswith("I;16"):
        return _deep_grey(image).convert("RGB")
    if image.mode.startswith(("I", "F")):
        return _deep_grey(image.reduce(scale)).convert("RGB")
    profile, alpha = image.info.get("icc_profile"), None
    if image.has_transparency_data:
        image = _with_alpha(image)
        alpha = image.getchannel("A")
    if image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("L" if image.mode in ("1", "LA") else "RGB")
    image = _in_srgb(image, profile)
    if alpha is None:
        return image
    page = Image.new("RGB", image.size, background)
    page.paste(image, mask=alpha)
    return page


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The image in RGB as its profile means it; a profile that makes no sense counts as none, as in browsers."""
    with contextlib.suppress(OSError, ValueError, ImageCms.PyCMSError):
        if image.mode == "LAB":
            return _converted(image, ImageCms.createProfile("LAB"))
        if profile and not any(name in profile for name in (b"sRGB", "sRGB".encode("utf-16-be"))):
            return _converted(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    return image.convert("RGB")


def _converted(image: Image.Image, space: Any) -> Image.Image:
    return cast("Image.Image", ImageCms.profileToProfile(image, space, _SRGB, outputMode="RGB"))


def _with_alpha(image: Image.Image) -> Image.Image:
    """The image, in a mode with a channel of alpha; not copied where it has one, for it may be large."""
    return image if "A" in image.getbands() else image.convert("RGBA")


def _reduced(image: Image.Image) -> Image.Image:
    """The image reduced to what is kept: by whole numbers, by the same along both sides unless it is a strip."""
    factor = max(1, min(image.size) // _KEPT_SIDE)
    width, height = (max(factor, -(-side // _LONGEST_SIDE)) for side in image.size)
    return image.reduce((width, height))


def _deep_grey(image: Image.Image) -> Image.Image:
    """16 bits by their high byte, as browsers show them; 32 bits, which have no agreed white, from darkest to brightest.

    Pillow's own `convert("L")` would clip both at 255.
    """
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    pixels = np.asarray(image).astype(np.float64)
    pixels = np.nan_to_num(pixels, copy=False, nan=0, posinf=0, neginf=0)
    low, high = pixels.min(), pixels.max()
    return Image.fromarray(((pixels - low) * (255 / ((high - low) or 1))).astype(np.uint8))


def _transparency(image: Image.Image) -> float:
    """The share of pixels whose alpha is not that of an opaque one."""
    if image.mode.startswith("I"):  # 16 bits: Pillow knows which value is transparent, and has no alpha for it
        return float(np.mean(np.asarray(image) == image.info["transparency"]))
    alpha = _with_alpha(image).getchannel("A")
    return 1 - alpha.histogram()[255] / (image.width * image.height)
