"""The documents inside files, folders and packed archives, one after the other.

In: paths and the endings of a format. Out: named documents, or the reason why one could not be
read. The module does not know what the documents mean.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ckpt_analyzer.errors import ImportFileError

_ARCHIVES = (".tar.gz", ".tgz", ".tar")

#: Columns of a CSV that hold names: 007 is none but 007, and 1e400 no number.
_TEXT_COLUMNS = (
    "suite", "model", "size", "arm", "base_model", "task", "prompt_format", "dtype", "metric",
    "item", "suspect",
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """One file: its parsed content, or else the reason why it has none.

    Parameters
    ----------
    name
        Path of the file; for a member of an archive ``archive!member``.
    content
        Of ``.json`` the value, of the others a list with one mapping per row.
    """

    name: str
    content: Any = None
    failure: str | None = None

    @property
    def folder(self) -> str:
        """Where it lies, in the file system or in its archive."""
        return str(PurePosixPath(self.name).parent)

    @property
    def file_name(self) -> str:
        """Its name without the folder."""
        return PurePosixPath(self.name).name


def read_documents(
    paths: Sequence[Path], endings: tuple[str, ...], *, others: tuple[str, ...] = ()
) -> Iterator[Document]:
    """Yield every document under `paths` with one of `endings`, sorted by name within each path.

    Folders are searched recursively, archives are read without being unpacked to disk.

    Parameters
    ----------
    others
        Endings of the format that this call leaves out: files with them are no mistake.

    Raises
    ------
    ImportFileError
        If a path does not exist, or is neither a folder, a file of the format nor a tar archive.
    """
    for path in paths:
        if path.is_dir():
            for found in sorted(p for p in path.rglob("*") if p.is_file()):
                yield from _read_file(found, endings)
        elif path.is_file() and path.name.endswith((*endings, *others, *_ARCHIVES)):
            yield from _read_file(path, endings)
        else:
            known = ", ".join((*endings, *others))
            raise ImportFileError(
                "this is not a results file" if path.exists() else "there is no such file",
                where=str(path),
                hint=f"give a file that ends in {known}, a folder of them, or a .tar.gz archive",
            )


def _read_file(path: Path, endings: tuple[str, ...]) -> Iterator[Document]:
    if path.name.endswith(_ARCHIVES):
        yield from _read_archive(path, endings)
    elif path.name.endswith(endings):
        yield _parse(str(path), path.read_bytes())


def _read_archive(path: Path, endings: tuple[str, ...]) -> Iterator[Document]:
    try:
        with tarfile.open(path) as archive:
            members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(endings)]
            for member in sorted(members, key=lambda m: m.name):
                stream = archive.extractfile(member)
                assert stream is not None
                yield _parse(f"{path}!{member.name}", stream.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        yield Document(str(path), failure=f"the archive cannot be read: {error}")


def _parse(name: str, raw: bytes) -> Document:
    try:
        content = _content(name, raw)
        if name.endswith((".json", ".jsonl")):
            json.dumps(content, ensure_ascii=False).encode()
        return Document(name, content=content)
    except UnicodeEncodeError:
        return Document(name, failure="a text holds half of a surrogate pair (\\ud800 …)")
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        return Document(name, failure=f"not JSON: {error}")
    except (pa.ArrowException, OSError) as error:
        return Document(name, failure=f"not a table: {str(error).splitlines()[0]}")
    except ValueError as error:  # a number of thousands of digits
        return Document(name, failure=f"not JSON: {error}")


def _content(name: str, raw: bytes) -> Any:  # noqa: ANN401
    # No pool of Arrow's threads: one that still lets go of its file while Python ends, as it does
    # at once after an error, aborts the process.
    if name.endswith(".jsonl"):
        # Not splitlines(): texts may hold other line ends.
        return [json.loads(line) for line in raw.decode().split("\n") if line.strip()]
    if name.endswith(".parquet"):
        file = pq.ParquetFile(io.BytesIO(raw), pre_buffer=False)
        return file.read(use_threads=False).to_pylist()
    if name.endswith(".csv"):
        as_texts = pacsv.ConvertOptions(column_types=dict.fromkeys(_TEXT_COLUMNS, pa.string()))
        alone = pacsv.ReadOptions(use_threads=False)
        table = pacsv.read_csv(io.BytesIO(raw), read_options=alone, convert_options=as_texts)
        return table.to_pylist()
    return json.loads(raw)
