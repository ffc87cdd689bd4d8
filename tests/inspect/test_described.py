"""A dataset in figures, counted from a run."""

from __future__ import annotations

import duckdb
import pytest

from wukong_build.config import parse_config
from wukong_build.inspect.described import PIECE, captions_of, described
from wukong_build.inspect.run import Run
from wukong_build.shards.card import Captions, Dataset


@pytest.fixture(scope="module")
def told(made: Run) -> Dataset:
    """The run in figures."""
    return described(parse_config(made.config), made.store)


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("一只猫", ["一", "只", "猫"]),
        ("iPhone 15 Pro,红色", ["iphone", "15", "pro", ",", "红", "色"]),
        ("𠮷野家 café", ["𠮷", "野", "家", "café"]),
        ("<人名>在", ["<", "人", "名", ">", "在"]),
        ("", []),
    ],
)
def test_tokens(caption: str, tokens: list[str]) -> None:
    """A Han character, a sign, a run of anything else; in lower case."""
    assert duckdb.execute("SELECT regexp_extract_all(lower(?), ?)", (caption, PIECE)).fetchall() == [(tokens,)]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ({10: 1, 11: 1, 12: 2}, Captions(tokens=45, unique_tokens=7, mean=11.2, standard_deviation=0.8, median=11.5)),
        ({5: 3}, Captions(tokens=15, unique_tokens=7, mean=5, standard_deviation=0, median=5)),
        ({}, Captions(tokens=0, unique_tokens=7, mean=0, standard_deviation=0, median=0)),
    ],
)
def test_captions_in_the_papers_form(lengths: dict[int, int], expected: Captions) -> None:
    """Mean, standard deviation and median of tokens a caption, from how many captions have each number of them."""
    assert captions_of(lengths, 7) == expected


def test_what_is_published_is_counted(made: Run, told: Dataset) -> None:
    """Samples, bytes, hosts, licences, origins."""
    manifest = made.manifests().to_pylist()
    assert told.sample_count == len(manifest) == 2
    assert told.image_bytes == sum(row["image_bytes"] for row in manifest)
    assert told.unique_captions == len({row["caption"] for row in manifest})
    assert (told.hosts, told.host_count) == ({"img.test": 2}, 1)
    assert (told.licensed, told.licences) == (2, {"https://creativecommons.org/licenses/by/4.0/": 2})
    assert sum(told.origins.values()) == sum(told.formats.values()) == 2
    assert told.median_shorter_side == min(min(row["width"], row["height"]) for row in manifest) == 300


def test_how_it_came_about_is_told(told: Dataset) -> None:
    """The funnel, every link with its settings, the sources, what robots.txt and opt-outs came to."""
    assert told.seen == 9
    assert [link.name for link in told.links][:3] == ["shorter_side", "aspect_ratio", "normalise_caption"]
    assert told.links[1].settings["at_most"] == 3
    assert told.sources == ["0:pages:http://site.test/"]
    assert told.refused_by_robots == {"robots": 1}
    signals = {signal.name: (signal.obeyed, signal.samples, signal.unpublished) for signal in told.opt_outs}
    assert signals["meta_robots"] == (True, 1, 1)
    assert signals["content_usage"] == (False, 1, 0)
    assert signals["xmp"] == (True, 0, 0)


def test_limits_follow_from_the_chain(told: Dataset) -> None:
    """What no link did must be said; what one did is not."""
    limits = " ".join(told.limits)
    assert "Names of persons were not masked" in limits
    assert "Near-duplicates were not looked for" not in limits
