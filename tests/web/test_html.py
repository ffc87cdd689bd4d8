"""A page as a tree, and its lines."""

from __future__ import annotations

import pytest

from wukong_build.web.html import AT_MOST_TEXT, Lines, parsed, text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>红<b>玫</b>瑰</p>", "红玫瑰"),
        ("<p>红\n  玫瑰 </p>", "红 玫瑰"),
        ("<p>红<br>玫瑰<p>白玫瑰", "红 玫瑰 白玫瑰"),
        ("<p>红<script>x</script><style>y</style><button>买</button><nav>首页</nav>玫瑰", "红 玫瑰"),
        ("<p>红<!-- 白 -->玫瑰", "红玫瑰"),
        ("<p>&lt;红&gt;&nbsp;玫瑰", "<红> 玫瑰"),
        ("<table><tr><td>红<td>白</table>", "红 白"),
        ("<p>" + "长" * 5_000, "长" * AT_MOST_TEXT),
        ("", ""),
    ],
)
def test_text_of(html: str, text: str) -> None:
    """What a reader sees, with a space where a line breaks; no scripts, no controls, no comments; cut where it has no end."""
    root = parsed(html).root
    assert root is not None
    assert text_of(root) == text


def test_lines_in_either_direction() -> None:
    """So many as are wanted, nearest first, each with how deep it stands and whether it opens what follows it."""
    root = parsed("<div><h3>题</h3><p>甲<i>乙</i></p><ul><li>丙</ul></div>").root
    assert root is not None
    forward, backward = Lines(2), Lines(2, backward=True)
    assert forward.take(root, 0)
    assert backward.take(root, 0)
    assert [(line.text, line.distance, line.is_heading) for line in forward.found] == [("题", 3, True), ("甲乙", 3, False)]
    assert [(line.text, line.distance) for line in backward.found] == [("丙", 4), ("甲乙", 3)]


def test_adjacent_lines() -> None:
    """A line is adjacent where nothing breaks it off from where the gathering began."""
    for html, is_adjacent in (("<p>甲", False), ("<b>甲</b>", True), ("甲", True), ("<br>甲", False)):
        body = parsed(html).find("body")
        assert body is not None
        lines = Lines()
        lines.take(body, 0)
        lines.end_line()
        assert [line.is_adjacent for line in lines.found] == [is_adjacent]


@pytest.mark.hostile
@pytest.mark.parametrize("count", [100, 2_000, 50_000])
def test_unclosed_formatting_is_not_copied_without_end(count: int) -> None:
    """Of a page made to blow up the tree so much is read as the machine can bear; one that readers write is read whole."""
    html = "".join(f"<p><b id={number}>" for number in range(count))
    found = len(parsed(html).find_all("p"))
    assert found == count if count <= 2_000 else 0 < found < count


def test_closed_formatting_is_read_whole() -> None:
    """However long a page is that closes what it opens."""
    assert len(parsed("<p><b>甲</b><i>乙</i></p>" * 20_000).find_all("p")) == 20_000
