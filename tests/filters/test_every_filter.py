"""The contract that every link keeps, over every module in `filters/` and `corpus/`: a new file is tested by being there."""

from __future__ import annotations

import importlib
import io
import pickle
import pkgutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from PIL import Image

import wukong_build.corpus
import wukong_build.filters
from wukong_build.batch import Batch
from wukong_build.links import Bounds, Columns, CorpusLink, Link, Rewrite
from wukong_build.schema import SAMPLES

TESTS = Path(__file__).parent.parent
PACKAGES = (wukong_build.filters, wukong_build.corpus)
MODULES = [f"{package.__name__}.{module.name}" for package in PACKAGES for module in pkgutil.iter_modules(package.__path__)]


def links_in(module_name: str) -> list[type[Link]]:
    """The public links that a module defines itself."""
    values = vars(importlib.import_module(module_name)).values()
    found = [value for value in values if isinstance(value, type) and issubclass(value, Link) and value.__module__ == module_name]
    return [link for link in found if not link.__name__.startswith("_")]


LINKS = [link for module in MODULES for link in links_in(module)]
BOUNDED = [link for link in LINKS if issubclass(link, Bounds)]
every_link = pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name())
every_bounded_link = pytest.mark.parametrize("link", BOUNDED, ids=lambda link: link.name())


def image(kind: str, size: tuple[int, int] = (300, 200), colour: str = "teal") -> bytes:
    """A picture with a corner of another colour."""
    picture = Image.new("RGB", size, colour)
    picture.paste("orange", (0, 0, size[0] // 3 + 1, size[1] // 2 + 1))
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


JPEG = image("JPEG")

ROWS: list[tuple[str | None, bytes | None, int | None, int | None]] = [
    ("一只猫坐在窗台上", JPEG, 300, 200),
    ("一只猫坐在窗台上", image("PNG"), 300, 200),
    (None, image("WEBP", (200, 300)), 200, 300),
    ("", JPEG, 300, 200),
    (" \t\n\u3000", image("GIF"), 300, 200),
    ("\x00\x07\u202e\ufeff\ufffe\U0010ffff e\u0301 ﷽ 👩‍👩‍👧 𠮷", image("BMP"), 300, 200),
    ("看" * 33_334, JPEG, 300, 200),
    ("DSC_0001.JPG 点击查看大图", JPEG[: len(JPEG) // 2], 300, 200),
    ("张伟和李娜在北京", b"<html>404 Not Found</html>", None, None),
    ("日本語のキャプションです", b"", None, None),
    ("A caption in English", None, None, None),
    ("很小", image("PNG", (1, 1)), 1, 1),
    ("很大", None, 2**31 - 1, 2**31 - 1),
    ("没有大小", None, 0, 0),
]
"""Caption, image, width, height: normal samples, and everything that is missing, broken, tiny or huge."""


def samples() -> Batch:
    """All rows as the crawl gives them, with the caption that the chain adds."""
    captions, images, widths, heights = zip(*ROWS, strict=True)
    size = len(ROWS)
    known = {
        "key": [f"{row:032x}" for row in range(size)],
        "url": [f"http://a.test/{row}.jpg" for row in range(size)],
        "page_url": ["http://a.test/"] * size,
        "caption_found": captions,
        "caption_origin": ["alt"] * size,
        "width": widths,
        "height": heights,
        "sha256": [None if content is None else sha256(content).hexdigest() for content in images],
        "image_bytes": [None if content is None else len(content) for content in images],
    }
    columns = {c.name: pa.array(known.get(c.name, [None] * size), c.type) for c in SAMPLES.columns}
    return Batch(pa.table({**columns, "caption": columns["caption_found"]}), lambda: images)


def written_by(column: str) -> type[Link]:
    """The link that writes this column."""
    return next(link for link in LINKS if column in link.columns())


def prepared_for(link: type[Link]) -> Batch:
    """All rows, with what the links before this one write and it reads."""
    batch = samples()
    for column in link().reads:
        if column != "image" and column not in batch.column_names:
            before = written_by(column)
            batch = batch.with_columns(measured(before(), prepared_for(before)))
    return batch


def measured(link: Link, batch: Batch, parts: Sequence[Sequence[int]] | None = None) -> Columns:
    """What the link writes for the batch; with parts given, measured (and surveyed) in these and joined in their order."""
    batches = [batch] if parts is None else [batch.select(rows) for rows in parts]
    if isinstance(link, CorpusLink):
        merged = link.merge(pa.concat_tables([link.survey(part) for part in batches]))
        pieces = [link.measure(part, merged) for part in batches]
    else:
        pieces = [link.measure(part) for part in batches]
    return {name: pa.concat_arrays([piece[name] for piece in pieces]) for name in pieces[0]}


def table_of(batch: Batch) -> dict[str, pa.Array]:
    """Every column of a batch."""
    return {name: batch[name] for name in batch.column_names}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_holds_one_link_of_its_own_name(module: str) -> None:
    """One word in six places: the module, its only public link and its test file are called the same."""
    package, name = module.split(".")[-2:]
    assert [link.name() for link in links_in(module)] == [name]
    assert (TESTS / package / f"test_{name}.py").is_file()


def test_no_two_links_write_the_same_column() -> None:
    """A column has one writer."""
    columns = [column for link in LINKS for column in link.columns()]
    assert len(columns) == len(set(columns))


@every_link
def test_a_link_is_its_config(link: type[Link]) -> None:
    """A link has defaults for every key, is frozen, equal and hashed by value, and survives pickling and its own settings."""
    made = link()
    assert made == link()
    assert hash(made) == hash(link())
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301  our own bytes
    assert msgspec.convert(msgspec.to_builtins(made), link) == made
    assert link.__struct_config__.frozen
    with pytest.raises(msgspec.ValidationError, match="no_such_key"):
        msgspec.convert({"no_such_key": 1}, link)


@every_link
def test_a_link_has_no_hidden_bounds(link: type[Link]) -> None:
    """What is not in the config drops nothing."""
    assert not (issubclass(link, Bounds) and link().bounded)


@every_link
def test_a_link_says_what_it_means(link: type[Link]) -> None:
    """Docstring and meaning are there for a reader, and the meaning is one line."""
    assert (link.__doc__ or "").strip()
    assert link.__doc__ != Link.__doc__
    assert link.meaning.strip()
    assert "\n" not in link.meaning


@every_link
def test_a_link_reads_what_someone_writes(link: type[Link]) -> None:
    """Every column it reads comes from the crawl, from another link, or is the caption or the image."""
    others = {column for other in LINKS if other is not link for column in other.columns()}
    reads = link().reads
    assert reads
    assert set(reads) <= {"caption", "image", *(column.name for column in SAMPLES.columns), *others}


@every_link
def test_a_link_reads_no_more_than_it_declares(link: type[Link]) -> None:
    """With the declared columns alone it measures the same, so the chain's check and the cache can trust the declaration."""
    batch = prepared_for(link)
    declared = {name: batch[name] for name in {*link().reads, "key"} - {"image"}}
    images = [row[1] for row in ROWS] if "image" in link().reads else []
    assert measured(link(), Batch(pa.table(declared), lambda: images)) == measured(link(), batch)


@every_link
def test_a_link_writes_what_it_declares(link: type[Link]) -> None:
    """Its own column first, each of the declared type, one value a row: for odd samples, for one row, and for none."""
    assert next(iter(link.columns())) == link.name()
    batch = prepared_for(link)
    for rows in (range(len(batch)), range(1), range(0)):
        part = batch.select(rows)
        columns = measured(link(), part)
        assert {name: values.type for name, values in columns.items()} == link.columns()
        assert {len(values) for values in columns.values()} == {len(part)}


@every_link
def test_a_link_gives_the_same_twice(link: type[Link]) -> None:
    """The same samples give the same numbers, from another instance too."""
    assert measured(link(), prepared_for(link)) == measured(pickle.loads(pickle.dumps(link())), prepared_for(link))  # noqa: S301  our own bytes


@every_link
@pytest.mark.parametrize("cut", [0, 1, 5, len(ROWS) - 1])
def test_a_link_does_not_depend_on_order_or_parts(link: type[Link], cut: int) -> None:
    """However the samples are cut and in whatever order they come, each gets the same."""
    batch = prepared_for(link)
    rows = list(range(len(batch)))[::-1]
    whole = measured(link(), batch)
    in_parts = measured(link(), batch, [rows[cut:], rows[:cut]])
    order = pa.array(rows[cut:] + rows[:cut])
    assert in_parts == {name: values.take(order) for name, values in whole.items()}


@every_link
def test_a_link_leaves_the_batch_as_it_was(link: type[Link]) -> None:
    """Columns and images are what they were before."""
    batch = prepared_for(link)
    columns, images = table_of(batch), [picture and picture.content for picture in batch.pictures()]
    before = pickle.dumps((columns, images))
    measured(link(), batch)
    after = table_of(batch), [picture and picture.content for picture in batch.pictures()]
    assert pickle.loads(before) == after  # noqa: S301  our own bytes


@every_bounded_link
def test_bounds_are_inclusive_and_the_unmeasurable_fails_each(link: type[Bounds]) -> None:
    """A score on the bound stays, null fails every bound, and without bounds every sample stays."""
    scores = pa.array([1, 2, 3, None], link.columns()[link.name()])
    assert link(at_least=2).keep(scores).to_pylist() == [False, True, True, False]
    assert link(at_most=2).keep(scores).to_pylist() == [True, True, False, False]
    assert link(at_least=2, at_most=2).keep(scores).to_pylist() == [False, True, False, False]
    assert link().keep(scores).to_pylist() == [True] * 4
    assert link(at_least=2).settings() == link().settings()


@pytest.mark.parametrize("link", [link for link in LINKS if issubclass(link, Rewrite)], ids=lambda link: link.name())
def test_a_rewrite_settles(link: type[Rewrite]) -> None:
    """Null comes out only where null went in, and a second rewrite of the same text changes nothing."""
    batch = prepared_for(link)
    once = link().rewrite(batch)
    assert once.is_null().equals(batch["caption"].is_null())
    assert link().rewrite(batch.with_columns({"caption": once})).equals(once)
