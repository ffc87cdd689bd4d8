"""Every image of the demo's site: how it is made, why it is there, and which filter of `configs/demo.yaml` it must fall to."""

from __future__ import annotations

import msgspec

SITE = "http://demo.test"
IMAGES = "http://img.demo.test"

KEPT = "kept"
NEVER_ASKED = "never asked"

FORBIDDEN = (f"{SITE}/drafts.html", f"{SITE}/private/", f"{IMAGES}/private/", f"{IMAGES}/drafts/")
"""Beginnings of URLs that the crawl never asks for: robots.txt forbids them, or they stand only on a page that it forbids."""

WHOLE = (0.0, 0.0, 1.0, 1.0)


class Made(msgspec.Struct, frozen=True):
    """An image file made from a photograph; the suffix of its URL is its format."""

    photograph: str
    box: tuple[float, float, float, float] = WHOLE
    """Left, top, right and bottom of the crop, as fractions of the photograph."""
    size: tuple[int, int] | None = None
    """Width and height in pixels; None where the crop stays as large as it is."""
    quality: int = 90
    bytes_kept: float = 1.0
    """Fraction of the file that is there; less than 1 is a truncated file."""


class Planted(msgspec.Struct, frozen=True):
    """One image URL and its fate."""

    url: str
    why: str
    made: Made | None = None
    """None where the server has no image under this URL."""
    falls_to: str = KEPT
    """`KEPT`, `NEVER_ASKED`, or what the ledger's `dropped_by` says."""
    duplicate_of: str | None = None
    """URL of its representative; None where it has none."""
    masked: bool = False
    """True where a person's name in its caption must become the token."""


def _photographs() -> list[Planted]:
    """One whole photograph each, all to be kept."""
    made = {
        f"{IMAGES}/space/astronaut.jpg": Made("astronaut"),
        f"{IMAGES}/space/rocket.jpg": Made("rocket"),
        f"{IMAGES}/space/deep-field.jpg": Made("hubble", size=(900, 785)),
        f"{IMAGES}/people/photographer.jpg": Made("camera"),
        f"{SITE}/animals/cat.jpg": Made("cat"),
        f"{IMAGES}/city/stairs.jpg": Made("stairs"),
        f"{IMAGES}/city/clock.jpg": Made("clock"),
        f"{IMAGES}/food/coffee.jpg": Made("coffee"),
        f"{IMAGES}/museum/coins.jpg": Made("coins"),
        f"{IMAGES}/texture/brick.jpg": Made("brick"),
        f"{IMAGES}/texture/grass.jpg": Made("grass", quality=75),
        f"{IMAGES}/texture/gravel.jpg": Made("gravel", quality=75),
        f"{IMAGES}/science/retina.jpg": Made("retina", size=(900, 900)),
        f"{IMAGES}/science/tissue.jpg": Made("tissue"),
        f"{IMAGES}/science/cell.jpg": Made("cell"),
    }
    named = ("/space/astronaut.jpg", "/people/photographer.jpg")
    return [Planted(url, "a photograph as its page describes it", how, masked=url.endswith(named)) for url, how in made.items()]


def _details() -> list[Planted]:
    """Parts of photographs with captions of their own, all to be kept."""
    made = {
        f"{IMAGES}/space/shuttle.jpg": Made("astronaut", (0.68, 0.0, 1.0, 0.6), (328, 614)),
        f"{IMAGES}/space/helmet.jpg": Made("astronaut", (0.54, 0.64, 1.0, 1.0), (480, 376)),
        f"{IMAGES}/space/patch.jpg": Made("astronaut", (0.22, 0.62, 0.52, 0.92), (460, 460)),
        f"{IMAGES}/space/galaxy-orange.jpg": Made("hubble", (0.62, 0.42, 0.86, 0.7)),
        f"{IMAGES}/space/galaxy-blue.jpg": Made("hubble", (0.02, 0.3, 0.34, 0.62)),
        f"{IMAGES}/space/rocket-lit.jpg": Made("rocket", (0.38, 0.25, 0.62, 1.0), (308, 640)),
        f"{IMAGES}/space/tower.jpg": Made("rocket", (0.6, 0.25, 1.0, 1.0), (512, 640)),
        f"{IMAGES}/people/viewfinder.jpg": Made("camera", (0.28, 0.08, 0.7, 0.45), (430, 378)),
        f"{IMAGES}/people/tripod.jpg": Made("camera", (0.42, 0.5, 0.85, 1.0), (440, 512)),
        f"{IMAGES}/city/skyline.jpg": Made("camera", (0.62, 0.18, 1.0, 0.5), (570, 480)),
        f"{SITE}/animals/eyes.jpg": Made("cat", (0.22, 0.12, 0.86, 0.66), (577, 324)),
        f"{SITE}/animals/whiskers.jpg": Made("cat", (0.3, 0.48, 0.92, 1.0), (560, 312)),
        f"{IMAGES}/city/platform.jpg": Made("stairs", (0.0, 0.0, 0.78, 0.45), (600, 346)),
        f"{IMAGES}/city/backpack.jpg": Made("stairs", (0.72, 0.42, 1.0, 0.9), (359, 615)),
        f"{IMAGES}/food/spoon.jpg": Made("coffee", (0.42, 0.4, 0.76, 0.98), (510, 580)),
        f"{IMAGES}/food/crema.jpg": Made("coffee", (0.34, 0.04, 0.64, 0.46), (540, 504)),
        f"{IMAGES}/museum/figure.jpg": Made("coins", (0.78, 0.02, 0.97, 0.27), (380, 395)),
        f"{IMAGES}/museum/face.jpg": Made("coins", (0.48, 0.5, 0.64, 0.73), (400, 453)),
        f"{IMAGES}/museum/rows.jpg": Made("coins", (0.03, 0.3, 0.52, 0.73), (564, 391)),
        f"{IMAGES}/texture/joints.jpg": Made("brick", (0.0, 0.5, 0.5, 1.0), (400, 400)),
        f"{IMAGES}/texture/blades.jpg": Made("grass", (0.5, 0.0, 1.0, 0.5), (400, 400), 75),
        f"{IMAGES}/texture/pebbles.jpg": Made("gravel", (0.0, 0.5, 0.5, 1.0), (400, 400), 75),
        f"{IMAGES}/science/disc.jpg": Made("retina", (0.04, 0.33, 0.34, 0.63)),
        f"{IMAGES}/science/macula.jpg": Made("retina", (0.36, 0.36, 0.66, 0.66)),
        f"{IMAGES}/science/gland.jpg": Made("tissue", (0.0, 0.0, 0.52, 0.52), (420, 420)),
    }
    return [Planted(url, "a part of a photograph as its page describes it", how) for url, how in made.items()]


def _duplicates() -> list[Planted]:
    """Copies that must be found, each with the representative that stays."""
    copies = [
        ("thumb/cat.jpg", "a thumbnail", Made("cat", size=(320, 213)), f"{SITE}/animals/cat.jpg"),
        ("thumb/coffee.jpg", "a thumbnail", Made("coffee", size=(330, 220)), f"{IMAGES}/food/coffee.jpg"),
        ("thumb/rocket.jpg", "a thumbnail", Made("rocket", size=(330, 220)), f"{IMAGES}/space/rocket.jpg"),
        ("thumb/stairs.jpg", "a thumbnail", Made("stairs", size=(260, 260)), f"{IMAGES}/city/stairs.jpg"),
        ("thumb/retina.webp", "a thumbnail", Made("retina", size=(300, 300)), f"{IMAGES}/science/retina.jpg"),
        ("mirror/coffee-q40.jpg", "saved again at quality 40", Made("coffee", quality=40), f"{IMAGES}/food/coffee.jpg"),
        ("mirror/cat.webp", "saved again as WebP", Made("cat", quality=80), f"{SITE}/animals/cat.jpg"),
        ("mirror/stairs.png", "saved again as PNG", Made("stairs"), f"{IMAGES}/city/stairs.jpg"),
        ("mirror/coins.jpg", "the same bytes under another URL", Made("coins"), f"{IMAGES}/museum/coins.jpg"),
        ("mirror/cell.jpg", "the same bytes under another URL", Made("cell"), f"{IMAGES}/science/cell.jpg"),
        ("mirror/astronaut-400.jpg", "made smaller", Made("astronaut", size=(400, 400)), f"{IMAGES}/space/astronaut.jpg"),
    ]
    moved = ("go/platform.jpg", "a redirect to an image that the site shows anyway", None, f"{IMAGES}/city/platform.jpg")
    return [Planted(f"{IMAGES}/{path}", why, made, "near_duplicate", of) for path, why, made, of in (*copies, moved)]


def _contest() -> list[Planted]:
    """Twelve different pictures under one caption."""
    quarters = [(0.0, 0.0, 0.5, 0.5), (0.5, 0.0, 1.0, 0.5), (0.0, 0.5, 0.5, 1.0), (0.5, 0.5, 1.0, 1.0)]
    made = [Made(name, box, (260, 260), 70) for name in ("hubble", "tissue", "gravel") for box in quarters]
    return [
        Planted(f"{IMAGES}/contest/{number:02}.jpg", "one caption for twelve pictures", how, "caption_frequency")
        for number, how in enumerate(made, 1)
    ]


def _dropped_by_shape() -> list[Planted]:
    """Too small or too long."""
    return [
        Planted(f"{SITE}/static/logo.png", "the logo in every header", Made("rocket", size=(160, 48)), "shorter_side"),
        Planted(f"{SITE}/static/search.png", "an icon", Made("coins", size=(32, 32)), "shorter_side"),
        Planted(f"{SITE}/static/avatar.png", "a portrait of an editor's size", Made("cat", size=(64, 64)), "shorter_side"),
        Planted(f"{IMAGES}/ads/banner.jpg", "a banner", Made("grass", (0.0, 0.4, 1.0, 0.6), (728, 90)), "shorter_side"),
        Planted(f"{IMAGES}/food/cup-small.jpg", "too small", Made("coffee", size=(180, 120)), "shorter_side"),
        Planted(f"{IMAGES}/space/horizon.jpg", "a panorama", Made("rocket", (0.0, 0.7, 1.0, 1.0), (1300, 260)), "aspect_ratio"),
        Planted(
            f"{IMAGES}/space/star-strip.jpg", "a panorama", Made("hubble", (0.0, 0.2, 1.0, 0.5), (1000, 262)), "aspect_ratio"
        ),
        Planted(
            f"{IMAGES}/museum/bottom-row.jpg", "a long strip", Made("coins", (0.02, 0.72, 1.0, 1.0), (1050, 237)), "aspect_ratio"
        ),
    ]


def _dropped_by_caption() -> list[Planted]:
    """Captions that say nothing, or that nobody wants in a Chinese dataset."""
    flag = Made("astronaut", (0.0, 0.0, 0.3, 0.3), (300, 300))
    stone = Made("gravel", (0.2, 0.2, 0.7, 0.6), (320, 256), 70)
    return [
        Planted(f"{IMAGES}/en/coffee.jpg", "an English page", Made("coffee", (0.1, 0.0, 0.9, 0.9)), "han_count"),
        Planted(f"{IMAGES}/en/cat.jpg", "an English page", Made("cat", (0.0, 0.0, 0.9, 0.9)), "han_count"),
        Planted(f"{IMAGES}/ko/rocket.jpg", "a Korean caption", Made("rocket", (0.1, 0.0, 0.9, 0.9)), "han_count"),
        Planted(f"{IMAGES}/view/IMG_2041.jpg", "a camera's file name", stone, "han_count"),
        Planted(f"{IMAGES}/plain/untold.jpg", "a page without a word", flag, "han_count"),
        Planted(
            f"{IMAGES}/texture/essay.jpg", "more than 31 characters", Made("brick", (0.5, 0, 1, 0.5), (300, 300)), "han_count"
        ),
        Planted(f"{IMAGES}/ja/coffee.jpg", "a Japanese page", Made("coffee", (0.0, 0.1, 0.9, 1.0)), "language"),
        Planted(f"{IMAGES}/ja/cat.jpg", "a Japanese page", Made("cat", (0.1, 0.0, 1.0, 0.9)), "language"),
        Planted(f"{IMAGES}/view/phone.jpg", "a chat program's file name", stone, "filename_caption"),
        Planted(f"{IMAGES}/view/untitled.jpg", "a paint program's file name", flag, "filename_caption"),
        Planted(f"{IMAGES}/view/large.jpg", "点击查看大图", stone, "boilerplate"),
        Planted(f"{IMAGES}/view/picture.jpg", "图片", flag, "boilerplate"),
        Planted(f"{IMAGES}/ads/casino.jpg", "gambling", Made("coins", (0.3, 0.3, 0.8, 0.8), (320, 253)), "sensitive_words"),
    ]


def _dropped_by_bytes() -> list[Planted]:
    """Where no whole image comes."""
    return [
        Planted(f"{IMAGES}/broken/truncated.jpg", "half a file", Made("coffee", bytes_kept=0.5), "decodable"),
        Planted(f"{IMAGES}/broken/truncated.png", "half a file", Made("cat", bytes_kept=0.5), "decodable"),
        Planted(f"{IMAGES}/broken/expired.jpg", "a page under an image's name", None, "fetch:not_an_image"),
        Planted(f"{IMAGES}/broken/gone.jpg", "a broken link", None, "fetch:404"),
        Planted(f"{IMAGES}/private/vault.jpg", "its own host forbids it", Made("brick", size=(256, 256)), "fetch:robots"),
        Planted(f"{SITE}/private/office.jpg", "the site forbids its directory", Made("grass", size=(256, 256)), "fetch:robots"),
    ]


def _never_asked() -> list[Planted]:
    """Images that no reader of the allowed pages is shown."""
    return [
        Planted(f"{IMAGES}/drafts/draft.jpg", "only on a page that is forbidden", Made("camera", size=(300, 300)), NEVER_ASKED),
        Planted(f"{IMAGES}/private/notes.jpg", "only on a page that is forbidden", Made("cell", size=(250, 300)), NEVER_ASKED),
        Planted(f"{IMAGES}/space/rocket-320.jpg", "srcset has a larger one", Made("rocket", size=(320, 214)), NEVER_ASKED),
        Planted(f"{IMAGES}/space/deep-field-450.webp", "srcset has a larger one", Made("hubble", size=(450, 392)), NEVER_ASKED),
        Planted(f"{SITE}/static/loading.gif", "stands in until the image is loaded", Made("gravel", size=(40, 40)), NEVER_ASKED),
    ]


PLANTED = (
    *_photographs(),
    *_details(),
    *_duplicates(),
    *_contest(),
    *_dropped_by_shape(),
    *_dropped_by_caption(),
    *_dropped_by_bytes(),
    *_never_asked(),
)
"""Every image URL that the site's pages name, each once."""
