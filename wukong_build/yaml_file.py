"""Files of settings: YAML in which no key stands twice. Knows nothing of what is set."""

from __future__ import annotations

from typing import Any

import fsspec
import yaml

from wukong_build.errors import ConfigError, shown


def read_mapping(path: str, meant: str) -> dict[str, Any]:
    """The mapping in a file (any fsspec URL), which `meant` describes. ConfigError where there is none."""
    try:
        with fsspec.open(path, "rt", encoding="utf-8") as file:
            values = yaml.load(file, Loader=_UniqueKeyLoader)  # noqa: S506  a SafeLoader, see there
    except (OSError, ValueError, ImportError) as error:  # no such file, no UTF-8, no such protocol, protocol not installed
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: found {shown(values)}; {meant}")
    return values


def value_of(text: str, where: str) -> Any:
    """The value that a text means. ConfigError, which names `where`, if it is no YAML."""
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506  a SafeLoader, see there
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: the value is not YAML: {error}") from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key written twice, which YAML would silently resolve to the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
