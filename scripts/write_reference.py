"""Write docs/data-format.md and docs/filters.md from the code: schema, links, their fields and meanings.

`python scripts/write_reference.py` writes them; with `--check` it fails where they are not what the code says.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from wukong_build.chain import link_class, link_names
from wukong_build.links import Bounds, CorpusLink, Link, Measure
from wukong_build.schema import LOOKED_UP_BY, SCHEMA_VERSION, TABLES
from wukong_build.sql import FOLDERS
from wukong_build.web.failures import FAILURES

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Written by scripts/write_reference.py from the code; change it there. -->"


def data_format() -> Iterator[str]:
    """The tables of a run."""
    yield "# Data format"
    yield NOTE
    yield (
        f"Schema version {SCHEMA_VERSION}. Every part is one Parquet file, written whole or not at all; its key-value metadata "
        "(`wukong_build`) carry the fingerprint of what made it, the digest of what it holds, and the schema version. "
        "`wukong-build inspect RUN --sql` has a view for every table below; the views also have `part`, the file a "
        "row stands in, and `part_row`, its place there."
    )
    folders = {table.name: folder for folder, table in FOLDERS.items()}
    for table in TABLES:
        yield f"## {table.name}"
        yield f"`<run>/{folders[table.name]}/*.parquet`, written by `{table.written_by}`: {table.meaning}."
        rows = [f"| `{column.name}` | {column.type} | {column.meaning} |" for column in table.columns]
        yield "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])
    yield (
        "Beside these a manifest has what the links of the config measured: each filter's score and what hashes say, under "
        "the names and with the meanings of [filters](filters.md); no text on its way to the caption. The meaning of every "
        "column stands in the file as well, in the field's metadata (`description`). "
        f"{', '.join(f'`{name}`' for name in LOOKED_UP_BY)} have Bloom filters, every column has statistics and a page index. "
        "How to open them: [reading a dataset](reading.md)."
    )
    yield "## Views"
    yield (
        "For `--sql` alone. Where a page or an image was asked for several times, `visits` and `answers` have the row that "
        "holds: the last one, but neither `not_modified` nor a failure that may pass displaces another; `latest_visits` and "
        "`latest` have the very last. Those of images leave the bytes out. `occurrences` has the pairs that the sources ask "
        "for, with `depth`, `source`, and the opt-outs and licences of their page."
    )
    yield "## Failures"
    yield (
        "What the column `error` of pages, images, robots and samples may say; in the ledger it is `fetch:<class>`. In `images` "
        "there is also `moved`: redirected to another host, which the next round asks. How they are asked again: "
        "[crawling](crawling.md#failures-retries-looking-again)."
    )
    yield "\n".join(["| class | meaning |", "|---|---|", *(f"| `{name}` | {meaning} |" for name, meaning in FAILURES.items())])
    yield "## scores"
    yield (
        "`<run>/filter/scores/<pass>/*.parquet`, written by `filter`: `key`, the columns of every link "
        "([filters](filters.md)), and for each link `<link>__measured`, true where it has looked at the sample: a null score "
        "there means unmeasurable, elsewhere unmeasured."
    )


def filters() -> Iterator[str]:
    """The links that ship."""
    yield "# Filters"
    yield NOTE
    yield (
        "Every key under `filter:` of a config is a link; they work in the order in which they stand. `at_least` and "
        "`at_most` are both inclusive; a link without bounds only measures. A score that cannot be measured misses every bound."
    )
    for name in link_names():
        kind = link_class(name, "filters")
        yield f"## {name}"
        yield f"*{_kind(kind)}.* {inspect.cleandoc(kind.__doc__ or '')}"
        if kind.meaning:
            yield f"Its column: {kind.meaning}"
        fields = [f"| `{field.encode_name}` | {_default(field)} |" for field in msgspec.structs.fields(kind)]
        if fields:
            yield "\n".join(["| key | default |", "|---|---|", *fields])
        columns = ", ".join(f"`{column}` ({type_})" for column, type_ in kind.columns().items())
        yield f"Reads {', '.join(f'`{column}`' for column in kind().reads)}. Writes {columns}."


def _kind(kind: type[Link]) -> str:
    over = " over the whole corpus" if issubclass(kind, CorpusLink) else ""
    if issubclass(kind, Bounds):
        return f"Filter{over}"
    return "Measure" if issubclass(kind, Measure) else f"Rewrite{over}"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is not msgspec.NODEFAULT:
        return "none" if field.default is None else f"`{field.default}`"
    return "none" if field.default_factory is msgspec.NODEFAULT else f"`{field.default_factory()}`"


def main() -> int:
    """Write or check both files."""
    stale = []
    for name, blocks in (("data-format.md", data_format()), ("filters.md", filters())):
        path, text = DOCS / name, "\n\n".join(blocks) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"{', '.join(stale)} in docs/: not what the code says; run python scripts/write_reference.py", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
