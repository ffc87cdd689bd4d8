"""The contact sheet: one page that needs nothing else, on which no caption can do any harm."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from wukong_build.errors import StoreError
from wukong_build.inspect.run import Run
from wukong_build.inspect.sheet import write_sheet

Name = Callable[[str], str]
LICENCE = "https://creativecommons.org/licenses/by/4.0/"


class Page(HTMLParser):
    """What the page is made of: tags with their attributes, names of sections, texts of cards."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: list[str] = []
        self.cards: list[str] = []
        self._in_card = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A section, a card, or anything else."""
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.sections.append(dict(attrs)["id"] or "")
        if tag == "article":
            self._in_card = True
            self.cards.append("")

    def handle_endtag(self, tag: str) -> None:
        """A card may end."""
        self._in_card = self._in_card and tag != "article"

    def handle_data(self, data: str) -> None:
        """What a card says, a line for each element."""
        if self._in_card:
            self.cards[-1] += f"{data}\n"


@pytest.fixture(scope="module")
def text(made: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the run."""
    path = tmp_path_factory.mktemp("sheet") / "样张 sheet.html"
    write_sheet(made, path)
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    """The same, read as a browser reads it."""
    return Page(text)


def card(page: Page, key: str) -> str:
    """The text of a sample's card in the section of its step."""
    return next(text for text in page.cards if key in text)


def test_sections(page: Page) -> None:
    """The kept come first, then every step that dropped some, in the funnel's order, then clusters."""
    dropping = ["fetch:404", "fetch:opted_out", "fetch:robots", "aspect_ratio", "han_count", "decodable", "near_duplicate"]
    assert page.sections == ["kept", *dropping, "clusters"]
    assert len(page.cards) == 9 + 2


def test_clusters(page: Page, key: Name) -> None:
    """A cluster is the sample that was kept, and those dropped for it with their distances."""
    kept, dropped = page.cards[-2:]
    assert key("cat") in kept
    assert "jpg 400 × 300" in kept
    assert key("cat-small") in dropped
    assert re.search(r"^distance [024]$", dropped, re.MULTILINE)


def test_sum(text: str) -> None:
    """The page says that the funnel adds up."""
    assert "kept 2 + dropped 7 = seen 9 ✓" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cat", "一只猫坐在窗台上\njpg 400 × 300"),
        ("banner", "aspect_ratio 4 > at_most 3"),
        ("untold", "no caption\nhan_count unmeasurable, at_least 1"),
        ("half", "cannot be decoded"),
        ("half", "decodable 0 < at_least 1"),
        ("gone", "404\n再也找不到的照片\nfetch:404, status 404"),
        ("private", "robots\n"),
        ("closed", "opted_out\n不许训练的照片\nfetch:opted_out\nopt-out: meta_robots:noai\n"),
        ("cat", "opt-out: content_usage:train-ai=n\nlicence: https://creativecommons.org/licenses/by/4.0/\npage:"),
        ("cat-small", "kept\n窗台上的猫\nnear_duplicate 1 > at_most 0"),
        ("hostile", '红烧肉</p><script>alert("hostile")</script> 好吃'),
        ("hostile", "\\x1b[31m\u3000好吃"),
        ("cat", "page: http://site.test/\n"),
    ],
)
def test_cards(page: Page, key: Name, name: str, said: str) -> None:
    """A card tells caption, what was found where that differs, the reason, opt-outs, licence, the page and the key."""
    assert said in card(page, key(name))


def test_escaped(page: Page) -> None:
    """No caption becomes a tag: the one script is the page's own."""
    assert [tag for tag, _ in page.tags].count("script") == 1


def test_self_contained(page: Page, text: str) -> None:
    """It loads nothing: pictures are data, and its policy forbids the rest."""
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "base")
        assert tag != "link"
        assert (attributes.get("src") or "data:").startswith("data:image/jpeg;base64,") or "src" not in attributes
        assert (attributes.get("href") or "#").startswith(("#", "http://site.test/", "http://img.test/", LICENCE))
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import", text)


def test_pictures(page: Page) -> None:
    """Every image that decodes is shown, the representative beside its duplicate, and both in their cluster."""
    assert [tag for tag, _ in page.tags].count("img") == 4 + 2 + 2


def test_fair_choice(made: Run, tmp_path: Path) -> None:
    """A section shows as many as asked for; the seed decides which, and the same seed decides the same."""
    chosen = []
    for number, seed in enumerate([0, 0, *range(1, 12)]):
        path = tmp_path / f"{number}.html"
        write_sheet(made, path, per_step=1, seed=seed)
        page = Page(path.read_text("utf-8"))
        assert len(page.cards) == 8 + 2
        chosen.append(page.cards[0])
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) == 2


def test_cannot_be_written(made: Run, tmp_path: Path) -> None:
    """A path that cannot be written is named in the error."""
    with pytest.raises(StoreError, match="nowhere"):
        write_sheet(made, tmp_path / "nowhere" / "sheet.html")
