"""The JSON documents inside files, folders and packed archives, one after the other.

In: paths. Out: named documents, or the reason why one could not be read. The module does not know
what the documents mean.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckpt_analyzer.errors import ImportFileError

_ARCHIVES = (".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class Document:
    """One JSON file: its parsed content, or else the reason why it has none.

    Parameters
    ----------
    name
        Path of the file; for a member of an archive ``archive!member``.
    """

    name: str
    content: Any = None
    failure: str | None = None


def read_documents(paths: Sequence[Path]) -> Iterator[Document]:
    """Yield every ``.json`` document under `paths`, sorted by name within each path.

    Folders are searched recursively, archives are read without being unpacked to disk.

    Raises
    ------
    ImportFileError
        If a path does not exist, or is neither a folder, a JSON file nor a tar archive.
    """
    for path in paths:
        if path.is_dir():
            for found in sorted(p for p in path.rglob("*") if p.is_file() and _readable(p)):
                yield from _read_file(found)
        elif path.is_file() and _readable(path):
            yield from _read_file(path)
        else:
            raise ImportFileError(
                "this is not a results file" if path.exists() else "there is no such file",
                where=str(path),
                hint="give a .json file, a folder of them, or a .tar.gz archive",
            )


def _readable(path: Path) -> bool:
    return path.name.endswith((".json", *_ARCHIVES))


def _read_file(path: Path) -> Iterator[Document]:
    if path.name.endswith(_ARCHIVES):
        yield from _read_archive(path)
    else:
        yield _parse(str(path), path.read_bytes())


def _read_archive(path: Path) -> Iterator[Document]:
    try:
        with tarfile.open(path) as archive:
            members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(".json")]
            for member in sorted(members, key=lambda m: m.name):
                stream = archive.extractfile(member)
                assert stream is not None
                yield _parse(f"{path}!{member.name}", stream.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        yield Document(str(path), failure=f"the archive cannot be read: {error}")


def _parse(name: str, raw: bytes) -> Document:
    try:
        content = json.loads(raw)
        json.dumps(content, ensure_ascii=False).encode()
        return Document(name, content=content)
    except UnicodeEncodeError:
        return Document(name, failure="a text holds half of a surrogate pair (\\ud800 …)")
    except RecursionError:
        return Document(name, failure="not a results file: nested too deeply")
    except ValueError as error:  # broken JSON, bytes that are no text, thousands of digits
        return Document(name, failure=f"not JSON: {error}")
