"""Perceptual hashes of pictures: pHash and PDQ. Pictures that look alike differ in few of their bits.

PDQ after "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (github.com/facebook/ThreatExchange,
hashing/hashing.pdf). All it does before the median is linear and separable, so it is done by one matrix for each side.
Knows nothing of samples, columns or links.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from wukong_build.picture import Picture

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Pixels = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

_THUMBNAIL = (32, 32)  # width and height of what a pHash is made of: its 8 × 8 lowest frequencies
_LOWEST = 8

_MIRRORED_ROW = np.array([255 - int(f"{row:08b}"[::-1], 2) for row in range(256)], np.uint8)  # what was darker is brighter now

_SIDE = 64  # of the thumbnail of PDQ
_FREQUENCIES = 16  # of each side, the constant one left out
_LEAST_SIDE = 5  # of a picture that has a hash
_ENOUGH = 256  # pixels of a side: 128 change up to 40 bits of 220 pictures' hashes, 256 up to 8
_FINEST = 16  # parts of a pixel at hand by which windows are cut: so a strip of a million pixels is no work
_MEDIAN = _FREQUENCIES**2 // 2 - 1  # the lower one of the two in the middle
_QUALITY_UNIT = 90  # so much gradient is 1 % of the best quality

_COSINES: Matrix = np.cos(np.pi / (2 * _SIDE) * np.outer(np.arange(1, _FREQUENCIES + 1), 2 * np.arange(_SIDE) + 1))
_COSINES *= np.sqrt(2 / _SIDE)


def phashes(pictures: Sequence[Picture | None], *, mirrored: bool = False) -> list[str | None]:
    """The pHash of each, 64 bits as 16 hex digits: which low frequencies of its cosine transform lie above their median.

    Null where it cannot be decoded. The bits are those of `imagehash.phash` on `Picture.grey`; for many pictures at once that
    costs a fifteenth. `mirrored` ones are those of its mirror image, left and right exchanged: within 4 bits of what that image's
    own file has on 262 photographs, as what is resampled is not quite the same.
    """
    thumbnails = [picture and _thumbnail(picture) for picture in pictures]
    there = [each for each in thumbnails if isinstance(each, np.ndarray)]
    hashes = iter(_hashes([each[:, ::-1] for each in there] if mirrored else there))
    return [None if each is None else next(hashes) for each in thumbnails]


def mirrored_dhashes(hashes: Hashes) -> Hashes:
    """What the dhashes of pictures say of their mirror images: all but the cells that are as dark as their neighbour.

    Of 262 photographs, 0.989 of those of files with the mirror image are within 8 bits.
    """
    return _MIRRORED_ROW[np.ascontiguousarray(hashes).view(np.uint8)].view(np.uint64)


def _thumbnail(picture: Picture) -> Pixels | None:
    """What of one picture is hashed, resampled as imagehash does it."""
    return None if picture.grey is None else np.asarray(picture.grey.resize(_THUMBNAIL, Image.Resampling.LANCZOS))


def _hashes(thumbnails: list[Pixels]) -> list[str]:
    """The hashes of thumbnails; the transform is the one that imagehash calls, so that its roundings are the same."""
    if not thumbnails:
        return []
    import scipy.fftpack

    rows = scipy.fftpack.dct(np.stack(thumbnails), axis=1)[:, :_LOWEST]
    frequencies = scipy.fftpack.dct(rows, axis=2)[:, :, :_LOWEST].reshape(len(thumbnails), -1)
    above = frequencies > np.median(frequencies, axis=1, keepdims=True)
    return [bits.tobytes().hex() for bits in np.packbits(above, axis=1)]


def pdq(picture: Picture) -> tuple[str, int] | None:
    """PDQ hash of one picture, 256 bits as 64 hex digits, and its quality, 0 to 100; null where it cannot be decoded."""
    grey, header = picture.fine_grey, picture.header
    if grey is None or header is None:
        return None
    if min(header.width, header.height) < _LEAST_SIDE:
        return "0" * (_FREQUENCIES**2 // 4), 0
    turned = header.orientation > 4  # noqa: PLR2004  from there on EXIF lays pictures on their side
    width, height = (header.height, header.width) if turned else (header.width, header.height)
    levels = np.asarray(grey.reduce((max(1, grey.width // _ENOUGH), max(1, grey.height // _ENOUGH)))).astype(np.float64)
    thumbnail = (_reducing(width, levels.shape[1]) @ (_reducing(height, levels.shape[0]) @ levels).T).T
    return _pdq_hash(thumbnail), _quality(thumbnail)


def _pdq_hash(thumbnail: Matrix) -> str:
    """Which frequencies lie above the median, the last one first."""
    frequencies = np.round(_COSINES @ thumbnail @ _COSINES.T, 6).ravel()  # rounded: sums in another order must not change a bit
    above = frequencies > np.partition(frequencies, _MEDIAN)[_MEDIAN]
    return np.packbits(above[::-1]).tobytes().hex()


def _quality(thumbnail: Matrix) -> int:
    """How much the thumbnail varies from pixel to pixel, in whole percents of the range of levels, up to 100."""
    steps = [np.diff(thumbnail, axis=axis) * 100 / 255 for axis in (0, 1)]
    gradient = sum(int(np.abs(np.round(each, 6).astype(np.int64)).sum()) for each in steps)
    return min(100, gradient // _QUALITY_UNIT)


@lru_cache(maxsize=128)
def _reducing(length: int, there: int) -> csr_array:
    """What makes 64 pixels of a side that is `length` pixels long, of which `there` are left after reduction by whole numbers.

    PDQ averages over a window of half a thumbnail's pixel, twice, and takes 64 of the results. The window is that of the full
    length, however small the picture at hand: a window cut anew for each scale moves by up to a pixel of it, and up to eight
    times as many bits change. Nearly all of the matrix is zero: a full one cost 30 ms of the processor, as BLAS woke its threads.
    """
    from scipy.sparse import csr_array

    length = min(length, _FINEST * there)
    full = np.eye(length) if length == _SIDE else _averaging(length)
    return csr_array(np.add.reduceat(full, np.arange(0, length, -(-length // there)), axis=1))


def _averaging(length: int) -> Matrix:
    """64 rows over `length` columns: two box filters, one after the other, at the middle of each of 64 equal stretches."""
    window = -(-length // (2 * _SIDE))
    middles = ((np.arange(_SIDE) + 0.5) * length / _SIDE).astype(np.int64)
    around = middles[:, None] + np.arange(window // 2 + 1 - window, window // 2 + 1)  # what the second filter averages
    first, end = np.maximum(around + window // 2 + 1 - window, 0), np.minimum(around + window // 2 + 1, length)  # the first one
    inside = (around >= 0) & (around < length)
    weights = inside / (inside.sum(axis=1, keepdims=True) * np.maximum(end - first, 1))
    steps = np.zeros((_SIDE, length + 1))
    rows = np.arange(_SIDE)[:, None]
    np.add.at(steps, (rows, np.minimum(first, length)), weights)
    np.subtract.at(steps, (rows, np.maximum(end, 0)), weights)
    return steps.cumsum(axis=1)[:, :-1]
