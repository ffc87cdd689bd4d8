"""Croissant 1.1: the dataset for machines, as JSON-LD. Says what it is given; counts nothing.

Specification: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html; its vocabulary for responsible AI (`rai:`)
is Croissant-RAI 1.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa

from wukong_build.shards.card import Dataset

Json = dict[str, Any]

_TERMS = (
    "arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject fileSet format includes "
    "isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate "
    "separator source subField transform"
)

_CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}

_TYPES = {
    pa.string(): "sc:Text",
    pa.int32(): "cr:Int32",
    pa.int64(): "cr:Int64",
    pa.float64(): "cr:Float64",
    pa.bool_(): "sc:Boolean",
}

_MIME = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "tif": "image/tiff",
}


class TarFile(NamedTuple):
    """One published tar."""

    name: str
    size: int
    sha256: str


def croissant(dataset: Dataset, tars: Iterable[TarFile], manifest: pa.Schema) -> Json:
    """The description of a dataset that lies in one folder with this file. Columns that are lists of structs are left out."""
    files = [
        {
            "@type": "cr:FileObject",
            "@id": tar.name,
            "name": tar.name,
            "contentUrl": tar.name,
            "contentSize": f"{tar.size} B",
            "encodingFormat": "application/x-tar",
            "sha256": tar.sha256,
        }
        for tar in tars
    ]
    manifests = _file_set("manifests", ["*.parquet"], ["application/x-parquet"], "One row a sample, in the order of the tar.")
    distribution: list[Json] = [manifests, *files]
    records = [_record_set("samples", "Published samples, without their pictures.", _columns(manifest))]
    if files:
        kinds = sorted(dataset.formats)
        inside = {"containedIn": [{"@id": tar["@id"]} for tar in files]}
        mimes = [_MIME.get(kind, f"image/{kind}") for kind in kinds]
        images = _file_set("images", [f"*.{kind}" for kind in kinds], mimes, "The picture of each sample, called by its key.")
        distribution.append(images | inside)
        records.append(_record_set("images", "The pictures, by the key of their sample.", list(_image_fields())))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        **_head(dataset),
        **_responsibility(dataset),
        "distribution": distribution,
        "recordSet": records,
    }


def _head(dataset: Dataset) -> Json:
    """Name, licence, version; what the publisher has not said is left out."""
    settings = dataset.settings
    said = {
        "url": settings.url,
        "datePublished": settings.date,
        "citeAs": settings.creator and f"{settings.creator}: {dataset.title}, version {settings.version}",
        "creator": settings.creator and {"@type": "sc:Organization", "name": settings.creator},
    }
    return {
        "name": dataset.title,
        "description": f"{dataset.sample_count} Chinese image-text pairs from the web, made with {dataset.made_by}.",
        "license": settings.license,
        "version": settings.version,
        "inLanguage": ["zh"],
        "keywords": ["image-text", "Chinese", "webdataset"],
        **{name: value for name, value in said.items() if value},
    }


def _responsibility(dataset: Dataset) -> Json:
    obeyed = ", ".join(signal.name for signal in dataset.opt_outs if signal.obeyed)
    return {
        "rai:dataCollection": f"Crawled from {'; '.join(dataset.sources)}. robots.txt was held to; opt-outs obeyed: {obeyed}.",
        "rai:dataCollectionType": ["Web Scraping"],
        "rai:dataPreprocessingProtocol": [f"{link.name} ({link.kind}): {link.meaning or link.name}" for link in dataset.links],
        "rai:dataLimitations": dataset.limits,
        "rai:personalSensitiveInformation": ["Pictures and captions of the web may show or name persons; see dataLimitations."],
    }


def _file_set(name: str, includes: list[str], kinds: list[str], meaning: str) -> Json:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": meaning,
        "encodingFormat": kinds if len(kinds) > 1 else kinds[0],
        "includes": includes if len(includes) > 1 else includes[0],
    }


def _record_set(name: str, meaning: str, fields: list[Json]) -> Json:
    key = {"@id": f"records/{name}/key"}
    return {
        "@type": "cr:RecordSet",
        "@id": f"records/{name}",
        "name": f"records/{name}",
        "description": meaning,
        "key": key,
        "field": [
            {"@type": "cr:Field", "@id": f"records/{name}/{field['name']}", **field, "name": f"records/{name}/{field['name']}"}
            for field in fields
        ],
    }


def _columns(manifest: pa.Schema) -> list[Json]:
    """A field for every column of the manifests that is a value, or a list of values."""
    fields = []
    for field in manifest:
        is_list = pa.types.is_list(field.type)
        kind = _TYPES.get(field.type.value_type if is_list else field.type)
        if kind is not None:
            described = {"name": field.name, "description": field.metadata[b"description"].decode(), "dataType": kind}
            source = {"source": {"fileSet": {"@id": "manifests"}, "extract": {"column": field.name}}}
            fields.append(described | source | ({"isArray": True, "arrayShape": "-1"} if is_list else {}))
    return fields


def _image_fields() -> Iterable[Json]:
    files = {"fileSet": {"@id": "images"}}
    name = files | {"extract": {"fileProperty": "filename"}, "transform": {"regex": "^([0-9a-f]+)"}}
    yield {
        "name": "key",
        "description": "id of the sample",
        "dataType": "sc:Text",
        "references": {"field": {"@id": "records/samples/key"}},
        "source": name,
    }
    yield {
        "name": "image",
        "description": "the picture",
        "dataType": "sc:ImageObject",
        "source": files | {"extract": {"fileProperty": "content"}},
    }
