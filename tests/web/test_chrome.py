"""What is furniture of a page, and what is not."""

from __future__ import annotations

import pytest

from wukong_build.web.extract import extract

URL = "https://pages.example/a/b.html"


def kind(html: str) -> str | None:
    """What the one image of a page is."""
    (pair,) = extract(html, URL)
    return pair.chrome


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src=a.jpg width=48>", "icon"),
        ("<img src=a.jpg width=49 height=300>", None),
        ("<img src=a.jpg width=100%>", None),
        ("<img src=a.jpg alt='网站LOGO'>", "logo"),
        ("<img src=a.jpg alt='某某的头像'>", "avatar"),
        ("<img src=a.jpg alt='扫一扫 关注我们'>", "code"),
        ("<img src=a.jpg alt='北京大学校徽，一个与标志设计有关的长长的说明，不是这里说的那种标志'>", None),
        ("<img src=a.jpg alt='标志牌'>", None),
        ("<img src=img/site-logo.png>", "logo"),
        ("<img src=img/catalogo.png>", None),
        ("<img src=img/logo2.png>", "logo"),
        ("<img src=img/context-menu.png>", None),
        ("<img src=img/totop.gif>", "icon"),
        ("<img src=img/topview.gif>", None),
        ("<img src=%E5%A4%9A%AD%ad.jpg>", None),
        ("<img src=/avatar/3.jpg>", "avatar"),
        ("<img src=//img.ad.example/1.jpg>", "advert"),
        ("<img src=//img.adobe.example/1.jpg>", None),
        ("<img src=//s.example/ad/1.jpg>", None),
        ("<img src=//img.shields.io/x>", "badge"),
        ("<img class='userAvatar' src=a.jpg>", "avatar"),
        ("<img class='mbArticleSharePic' src=a.jpg>", None),
        ("<img id=qrcode src=a.jpg>", "code"),
    ],
)
def test_what_an_image_says_of_itself(html: str, expected: str | None) -> None:
    """A declared side like an icon's, and the words of its alt text, address, class and id; parts of other words are none."""
    assert kind(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<nav><ul><li><img src=a.jpg></ul></nav>", "navigation"),
        ("<div role=banner><img src=a.jpg></div>", "header"),
        ("<header><img src=a.jpg></header>", "header"),
        ("<article><header><img src=a.jpg></header></article>", None),
        ("<footer><p><img src=a.jpg></footer>", "footer"),
        ("<section><footer><img src=a.jpg></footer></section>", None),
        ("<div class='site-header'><img src=a.jpg></div>", "header"),
        ("<div class='card-header'><img src=a.jpg></div>", None),
        ("<div class='shop-footer'><img src=a.jpg></div>", None),
        ("<div id=footer><img src=a.jpg></div>", "footer"),
        ("<div class='share-box'><img src=a.jpg></div>", "share"),
        ("<div class=navbar><figure><img src=a.jpg></figure></div>", None),
        ("<nav><article><img src=a.jpg></article></nav>", None),
        ("<div class=ad><div><div><img src=a.jpg></div></div></div>", "advert"),
        ("<body class='has-ad menu-open'><img src=a.jpg>", None),
    ],
)
def test_where_an_image_stands(html: str, expected: str | None) -> None:
    """The nearest element that says anything: landmarks, roles, names; a figure or an article holds content, wherever it is."""
    assert kind(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=/><img src=a.jpg></a>", "logo"),
        ("<a href=index.html><img src=a.jpg></a>", "logo"),
        ("<a href='https://other.example'><img src=a.jpg></a>", "logo"),
        ("<a href=/><img src=a.jpg>首页图片</a>", None),
        ("<a href=/garden/index.html><img src=a.jpg></a>", None),
        ("<a href=''><img src=a.jpg></a>", None),
        ("<a><img src=a.jpg></a>", None),
    ],
)
def test_a_picture_that_leads_home(html: str, expected: str | None) -> None:
    """Alone in a link to where a site begins it is a logo."""
    assert kind(html) == expected
