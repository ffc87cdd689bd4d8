"""The hosts of a column of URLs."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_HOST = r"^[a-z0-9+.-]+://(?:[^/?#]*@)?(?P<host>[^/?#]+)"


def hosts_of(urls: pa.Array) -> pa.Array:
    """Host and port of each canonical URL, as it has them; null where there is none."""
    return pc.struct_field(pc.extract_regex(urls, _HOST), "host")
