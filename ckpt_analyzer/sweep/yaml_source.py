"""YAML text with the line of every key kept, so that an error can say where it is.

In: text. Out: plain data, and a function from a path into it to a line number. Duplicate keys,
which YAML readers let pass in silence, are errors. The module does not know what a sweep is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ckpt_analyzer.errors import SweepError

Path = Sequence[str | int]
#: Values and keys of a sweep file at most.
LARGEST = 10_000
#: Brackets within brackets at most. PyYAML takes time by the square of their depth.
_DEEPEST = 50


class _Loader(yaml.SafeLoader):
    """Reads numbers in base 10 only: to YAML 1.1, the steps ``8:64:8`` are a time in base 60."""

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        if self.flow_level >= _DEEPEST:
            problem = f"brackets are nested more than {_DEEPEST} deep"
            raise yaml.scanner.ScannerError(problem=problem, problem_mark=self.get_mark())
        super().fetch_flow_collection_start(token)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, re.compile(rf"(?!.*:)(?:{pattern.pattern})", re.VERBOSE))
        if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        else (tag, pattern)
        for tag, pattern in resolvers
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class YamlSource:
    """Parsed YAML and its node tree.

    Parameters
    ----------
    is_file
        Whether a person can look up its lines.
    """

    name: str
    data: Any
    root: yaml.Node | None
    is_file: bool = True

    def line(self, path: Path) -> int:
        """Return the 1-based line of the deepest node that `path` reaches."""
        node = self.root
        line = node.start_mark.line + 1 if node else 1
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            line, node = found.start_mark.line + 1, found
        return line

    def where(self, path: Path) -> str:
        """Return ``file:line, key a.b[0]`` for an error message; the line is that of a file."""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        place = f"{self.name}:{self.line(path)}" if self.is_file else self.name
        return f"{place}, key {key.lstrip('.')}" if key else place


def parse(text: str, name: str) -> YamlSource:
    """Parse `text`, called `name` in errors.

    Raises
    ------
    SweepError
        If it is not YAML, or holds a key twice.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        _reject_unfolding(root, name)
        _reject_duplicates(root, name)
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SweepError(f"not valid YAML: {error.problem}", where=f"{name}:{line}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise SweepError(f"not valid YAML: {reason}", where=name) from error
    return YamlSource(name, data, root)


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                # A block value begins on the next line: point at its key instead.
                return value if value.start_mark.line == key.start_mark.line else _at(key, value)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child: yaml.Node = node.value[part]
        return child
    return None


def _at(key: yaml.Node, value: yaml.Node) -> yaml.Node:
    moved: yaml.Node = type(value)(value.tag, value.value, key.start_mark, value.end_mark)
    return moved


def _reject_duplicates(node: yaml.Node | None, name: str) -> None:
    pending, seen_nodes = [node], set()
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen_nodes:
            continue
        seen_nodes.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            pending.extend(current.value)
        elif isinstance(current, yaml.MappingNode):
            _reject_duplicate_keys(current, name)
            pending.extend(value for _, value in current.value)


def _reject_unfolding(root: yaml.Node | None, name: str) -> None:
    """Refuse aliases that stand for more than any sweep says, or that hold themselves."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in open_nodes:
            raise SweepError(
                "an alias stands for something that holds it",
                where=f"{name}:{node.start_mark.line + 1}",
                hint="write out what is meant",
            )
        if id(node) not in sizes:
            open_nodes.add(id(node))
            sizes[id(node)] = 1 + sum(map(size, _parts(node)))
            open_nodes.remove(id(node))
        return sizes[id(node)]

    if root is not None and size(root) > LARGEST:
        raise SweepError(
            f"the file says more than {LARGEST:,} things, aliases unfolded",
            where=name,
            hint="a sweep is a page: name tasks and suites instead of listing what is in them",
        )


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _reject_duplicate_keys(mapping: yaml.MappingNode, name: str) -> None:
    seen: dict[str, int] = {}
    for key, _ in mapping.value:
        text, line = str(key.value), key.start_mark.line + 1
        if text in seen:
            raise SweepError(
                f"the key {text!r} stands twice",
                where=f"{name}:{line}",
                hint=f"remove one of them; the first is in line {seen[text]}",
            )
        seen[text] = line
