"""A contact sheet: one self-contained HTML page with kept and dropped samples as pictures, captions and reasons.

Everything on it comes from strangers, so everything is escaped, and its policy lets it load nothing and run nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from itertools import chain, groupby
from pathlib import Path
from string import Template
from typing import Any

from wukong_build.errors import StoreError
from wukong_build.inspect.duplicates import clusters
from wukong_build.inspect.run import Run
from wukong_build.inspect.story import missed
from wukong_build.inspect.summary import share, sum_line
from wukong_build.inspect.terminal import cut, plain
from wukong_build.inspect.thumbnail import thumbnail
from wukong_build.sql import connect

Row = dict[str, Any]

_CAPTION_CELLS = 240
"""As much of a caption as a card shows."""

_BIGGEST, _SHOWN = 12, 11
"""Clusters of duplicates, and of each so many duplicates besides the one kept in their place."""

_SEARCH = '<input id="search" type="search" placeholder="caption, key, page …" aria-label="filter" hidden>'

_ROWS = """
SELECT ledger.key, coalesce(dropped_by, 'kept') AS step, score, bound, duplicate_of, ledger.caption, url, page_url, caption_found,
       error, http_status, samples.opt_out, licences, format, width, height, samples.part, image_row
FROM chosen JOIN ledger USING (key) JOIN samples USING (key)
"""

_CHOSEN = f"""
WITH chosen AS (SELECT unnest(arg_min(key, md5(? || key), ?)) AS key FROM ledger GROUP BY dropped_by)
{_ROWS} ORDER BY step, md5(? || key), key
"""  # noqa: S608  ours

_OF_KEYS = f"WITH chosen AS (SELECT unnest(?::VARCHAR[]) AS key) {_ROWS}"


def write_sheet(run: Run, path: Path, per_step: int = 60, seed: int = 0) -> None:
    """Write the page: the funnel, then up to `per_step` samples of the kept and of every step that dropped some, then clusters.

    Which ones are shown is a fair choice that the seed decides: the smallest hashes of seed and key.
    """
    rows = _rows(run, per_step, f"{seed}:")
    alike = _clusters(run)
    pictures = _thumbnails(run, chain(rows, *alike))
    script = _template("sheet.js")
    page = Template(_template("sheet.html")).substitute(
        title=escape(f"{plain(run.store.url)} · wukong-build"),
        body=_body(run, rows, alike, pictures),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}; name another file") from error


def _template(name: str) -> str:
    return files("wukong_build.inspect").joinpath(name).read_text("utf-8")


def _rows(run: Run, per_step: int, seed: str) -> list[Row]:
    """The samples shown, step by step, each with its representative where it has one."""
    with connect(run.store) as connection:
        rows: list[Row] = connection.sql(_CHOSEN, params=(seed, per_step, seed)).to_arrow_table().to_pylist()
        wanted = sorted({row["duplicate_of"] for row in rows if row["duplicate_of"]})
        query = "SELECT key, part, image_row, error FROM samples WHERE key IN (SELECT unnest(?::VARCHAR[]))"
        found = {row["key"]: row for row in connection.sql(query, params=(wanted,)).to_arrow_table().to_pylist()}
    return [{**row, "representative": found.get(row["duplicate_of"])} for row in rows]


def _clusters(run: Run) -> list[list[Row]]:
    """The biggest clusters: in each the one that was kept, if it is of this run, and the nearest of its duplicates."""
    found = clusters(run, _BIGGEST).to_pylist()
    keys = [[each["representative"], *(one["key"] for one in each["duplicates"][:_SHOWN])] for each in found]
    with connect(run.store) as connection:
        rows = connection.sql(_OF_KEYS, params=(list(chain(*keys)),)).to_arrow_table().to_pylist()
    distances = {one["key"]: one["distance"] for each in found for one in each["duplicates"]}
    named = {row["key"]: {**row, "representative": None, "distance": distances.get(row["key"])} for row in rows}
    return [[named[key] for key in cluster if key in named] for cluster in keys]


def _thumbnails(run: Run, rows: Iterable[Row]) -> dict[str, str]:
    """Key → thumbnail as a data URI. Only the row groups are read in which one of the images lies, one at a time."""
    wanted = [each for row in rows for each in (row, row["representative"]) if each and each["error"] is None]
    places = sorted({(each["part"], each["image_row"], each["key"]) for each in wanted})
    pictures: dict[str, str] = {}
    for part, here in groupby(places, key=lambda place: place[0]):
        keys = {row: key for _, row, key in here}
        with run.store.open_part("crawl/images", part) as file:
            first = 0
            for group in range(file.num_row_groups):
                last = first + file.metadata.row_group(group).num_rows
                inside = [row for row in keys if first <= row < last]
                images = file.read_row_group(group, columns=["image"])["image"] if inside else []
                for row in inside:
                    small = thumbnail(images[row - first].as_py())
                    if small is not None:
                        pictures[keys[row]] = f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"
                first = last
    return pictures


def _body(run: Run, rows: Sequence[Row], alike: Sequence[Sequence[Row]], pictures: dict[str, str]) -> str:
    funnel = run.funnel().to_pylist()
    shown = {step: list(group) for step, group in groupby(rows, key=lambda row: row["step"])}
    counts = {"kept": funnel[-1]["left"] if funnel else len(rows)} | {row["step"]: row["dropped"] for row in funnel}
    steps = [step for step in counts if step in shown]
    chips = "".join(f'<a href="#{escape(step)}">{escape(step)}<b>{counts[step]:,}</b></a>' for step in steps)
    sections = "".join(_section(step, counts[step], shown[step], pictures) for step in steps)
    if alike:
        chips += f'<a href="#clusters">clusters<b>{len(alike)}</b></a>'
        sections += _cluster_section(alike, pictures)
    return (
        _header(run, funnel)
        + f"<nav><div>{chips}</div>{_SEARCH}</nav>"
        + f"<main>{sections or '<p>The filter has not seen a sample yet.</p>'}</main>"
        + f"<footer>One sample's whole story: <code>wukong-build explain {escape(plain(run.store.url))} KEY</code></footer>"
    )


def _header(run: Run, funnel: Sequence[Row]) -> str:
    """The run's name, its three numbers, and the funnel."""
    name = plain(run.store.url).rstrip("/").rsplit("/", 1)[-1]
    heading = f"<h1>{escape(name)}</h1><p>{escape(plain(run.store.url))}</p>"
    if not funnel:
        return f"<header>{heading}</header>"
    seen, kept = funnel[0]["seen"], funnel[-1]["left"]
    tally = "".join(
        f'<li class="{name}"><b>{count:,}</b><span>{name}</span></li>'
        for name, count in (("seen", seen), ("kept", kept), ("dropped", seen - kept))
    )
    rows = "".join(_funnel_row(row, max(seen, 1)) for row in funnel)
    return (
        f'<header>{heading}<ul class="tally">{tally}</ul></header><div class="funnel"><table><thead><tr><th>step</th>'
        '<th class="number">seen</th><th class="number">dropped</th><th class="number">of seen</th><th class="number">left</th>'
        f'<th class="bars">left and dropped, of all</th></tr></thead><tbody>{rows}</tbody>'
        f'<tfoot><tr><td colspan="6">{escape(sum_line(run.funnel()))}</td></tr></tfoot></table></div>'
    )


def _funnel_row(row: Row, all_seen: int) -> str:
    step, dropped = escape(row["step"]), row["dropped"]
    name = f'<a href="#{step}">{step}</a>' if dropped else step
    bar = "".join(f'<i style="width:{100 * count / all_seen:.3f}%"></i>' for count in (row["left"], dropped))
    tone = "number" if dropped else "number none"
    return (
        f'<tr><th>{name}</th><td class="number">{row["seen"]:,}</td><td class="{tone}">{dropped:,}</td>'
        f'<td class="{tone}">{share(row):.1%}</td><td class="number">{row["left"]:,}</td>'
        f'<td class="bars"><div class="bar">{bar}</div></td></tr>'
    )


def _section(step: str, count: int, rows: Sequence[Row], pictures: dict[str, str]) -> str:
    of = f"{count:,}" if count == len(rows) else f"{len(rows):,} of {count:,}, chosen by hash"
    kind = "kept" if step == "kept" else "dropped"
    title = "kept" if step == "kept" else f"dropped by {step}"
    cards = "".join(_card(row, _pictures(row, pictures)) for row in rows)
    return (
        f'<section class="step {kind}" id="{escape(step)}"><h2>{escape(title)}<small>{of}</small></h2>'
        f'<div class="cards">{cards}</div></section>'
    )


def _cluster_section(alike: Sequence[Sequence[Row]], pictures: dict[str, str]) -> str:
    """The biggest clusters, one after the other."""
    cards = ("".join(_card(row, _figure(row, pictures)) for row in cluster) for cluster in alike)
    rows = "".join(f'<div class="cards cluster">{each}</div>' for each in cards)
    return f'<section class="step" id="clusters"><h2>the biggest clusters<small>the kept one first</small></h2>{rows}</section>'


def _card(row: Row, figures: str) -> str:
    """One sample: its figures, caption, reason, where it came from."""
    caption, found = row["caption"], row["caption_found"]
    differs = f'<p class="found" lang="zh-CN">{_text(found)}</p>' if found != caption else ""
    page = _link(row["page_url"], "page") if row["page_url"] else ""
    fate = "kept" if row["step"] == "kept" else "dropped"
    return (
        f'<article class="card {fate}"><div class="pictures">{figures}</div><div class="words">'
        f'<p class="caption" lang="zh-CN">{_text(caption)}</p>{differs}<span class="reason">{escape(_reason(row))}</span>'
        f'<div class="from">{_wishes(row)}{page}{_link(row["url"], "image")}'
        f'<code class="key">{escape(row["key"])}</code></div></div></article>'
    )


def _wishes(row: Row) -> str:
    """What withholds it, whether obeyed or not, and the first licence that its page names."""
    signals = f"<span>opt-out: {escape(plain(', '.join(row['opt_out'])))}</span>" if row["opt_out"] else ""
    return signals + "".join(_link(licence["url"], "licence") for licence in (row["licences"] or ())[:1])


def _pictures(row: Row, pictures: dict[str, str]) -> str:
    """Its picture, and beside it the one that was kept in its place."""
    figures = _figure(row, pictures)
    if not row["duplicate_of"]:
        return figures
    return f"{figures}<figure>{_picture(pictures.get(row['duplicate_of']), 'not shown')}<figcaption>kept</figcaption></figure>"


def _figure(row: Row, pictures: dict[str, str]) -> str:
    return f"<figure>{_picture(pictures.get(row['key']), row['error'] or 'cannot be decoded')}</figure>"


def _picture(source: str | None, missing: str) -> str:
    return f'<img src="{source}" alt="" loading="lazy">' if source else f'<div class="nothing">{escape(missing)}</div>'


def _reason(row: Row) -> str:
    """Why it went: `aspect_ratio 4.1 > at_most 3`; in a cluster `distance 4`; of a kept one, what it is."""
    if row["step"] == "kept":
        return f"{row['format']} {row['width']} × {row['height']}"
    if row.get("distance") is not None:
        return f"distance {row['distance']}"
    if row["bound"]:
        return f"{row['step']} {missed(row)}"
    status = f", status {row['http_status']}" if row["http_status"] else ""
    return f"{row['step']}{status}"


def _link(url: str, what: str) -> str:
    """A link to follow at one's own risk; whatever is not http is only named."""
    shown = escape(plain(url))
    if not url.startswith(("http://", "https://")):
        return f"<span>{what}: {shown}</span>"
    return f'<a href="{escape(url)}" rel="noopener noreferrer nofollow" target="_blank" title="{shown}">{what}: {shown}</a>'


def _text(text: str | None) -> str:
    return '<span class="none">no caption</span>' if text is None else escape(cut(plain(text), _CAPTION_CELLS))
