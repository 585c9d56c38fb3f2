"""A Hub in a process of its own, whose files lie on disk and leave it by sendfile.

In: a folder with one folder per revision. Out: an HTTP server that prints its port. It serves one
repository; ``/served`` tells how many requests it had by then, without counting that one, and the
CPU seconds that it took.

    python benchmarks/hub_on_disk.py FOLDER [--megabytes-per-second N]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

REPO = "bench/model"
_API = re.compile(rf"/api/models/{REPO}(?:/(?P<action>\w+)(?:/(?P<revision>[^/]+).*)?)?")
_RESOLVE = re.compile(rf"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<name>.+)")
_BURST_BYTES = 2**18


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    folder: Path
    bytes_per_second: float = 0.0
    counts: ClassVar[Counter[str]] = Counter()
    digests: ClassVar[dict[Path, str]] = {}

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._route()

    def do_GET(self) -> None:
        """Answer with a body."""
        self._route()

    def _route(self) -> None:
        path = urlsplit(self.path).path
        if path == "/served":
            requests = sum(self.counts.values())
            self._json({"requests": requests, "cpu_seconds": time.process_time()})
            return
        self.counts[self.command] += 1
        if match := _API.fullmatch(path):
            self._api(match["action"] or "revision", match["revision"])
        elif match := _RESOLVE.fullmatch(path):
            self._file(match["revision"], match["name"])
        else:
            self._missing("RepoNotFound", {})

    def _api(self, action: str, revision: str | None) -> None:
        if action == "refs":
            names = sorted(path.name for path in self.folder.iterdir())
            branches = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": _commit(name)}
                for name in names
            ]
            self._json({"branches": branches, "tags": [], "converts": []})
            return
        if action == "tree":  # of folders that are not there
            self._json([])
            return
        folder = self._folder(revision or "")
        siblings = [self._sibling(path) for path in sorted(folder.iterdir())]
        self._json({"id": REPO, "sha": _commit(folder.name), "siblings": siblings})

    def _sibling(self, path: Path) -> dict[str, object]:
        size = path.stat().st_size
        entry: dict[str, object] = {"rfilename": path.name, "size": size, "blobId": "0" * 40}
        if path.suffix == ".safetensors":
            entry["lfs"] = {"sha256": self._sha256(path), "size": size, "pointerSize": 134}
        return entry

    def _file(self, revision: str, name: str) -> None:
        path = self._folder(revision) / name
        commit = _commit(path.parent.name)
        if not path.is_file():
            self._missing("EntryNotFound", {"X-Repo-Commit": commit})
            return
        size, digest = path.stat().st_size, self._sha256(path)
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match else 0
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", commit)
        for header in ("ETag", "X-Linked-Etag"):
            self.send_header(header, f'"{digest}"')
        self.send_header("X-Linked-Size", str(size))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        if self.command == "GET":
            self._send(path, start, size)

    def _send(self, path: Path, start: int, size: int) -> None:
        begun, sent = time.perf_counter(), 0
        with path.open("rb") as file:
            while start + sent < size:
                burst = _BURST_BYTES if self.bytes_per_second else size
                n_bytes = min(burst, size - start - sent)
                to, whence = self.connection.fileno(), file.fileno()
                sent += os.sendfile(to, whence, start + sent, n_bytes)
                if self.bytes_per_second:
                    due = begun + sent / self.bytes_per_second
                    time.sleep(max(0.0, due - time.perf_counter()))

    def _folder(self, revision: str) -> Path:
        for path in self.folder.iterdir():
            if revision in (path.name, _commit(path.name)):
                return path
        return self.folder / "none"

    def _sha256(self, path: Path) -> str:
        if path not in self.digests:
            with path.open("rb") as file:
                self.digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
        return self.digests[path]

    def _json(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _missing(self, code: str, headers: dict[str, str]) -> None:
        self.send_response(404)
        for name, value in {"X-Error-Code": code, "Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def _commit(name: str) -> str:
    return hashlib.sha1(name.encode()).hexdigest()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--megabytes-per-second", type=float, default=0.0)
    options = parser.parse_args()
    Handler.folder = options.folder
    Handler.bytes_per_second = options.megabytes_per_second * 1e6
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # So that the first contender does not wait for digests.
    for path in options.folder.glob("*/*"):
        with path.open("rb") as file:
            Handler.digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
