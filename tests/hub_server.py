"""A Hub on this machine: the routes that huggingface_hub uses, over HTTP, with faults on request.

In: repositories as revisions of files. Out: an endpoint. Commits are digests of the content, so
that equal content has an equal commit. Files of weights are served as the Hub serves LFS files:
with their sha256 as the linked ETag and in the metadata.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from hub_faults import play

Files = Mapping[str, bytes]
_STORAGE = re.compile(r"/storage/(?P<repo>[^/]+/[^/]+)/(?P<commit>[^/]+)/(?P<name>.+)")
#: What happens by chance to the reading of weights.
COMMON = (
    "reset", "end", "unavailable", "too_many", "wrong_length", "flip", "flip_header", "wrong_tag",
)  # fmt: skip
#: And to any other request; see RESET.
COMMON_STATUSES = (0, 408, 429, 500, 502, 503)
#: Stands for a connection that breaks, among the statuses of ``Faults.passing``.
RESET = 0
_LFS = (".safetensors", ".bin", ".gz")
_API = re.compile(r"/api/(?P<kind>models|datasets)/(?P<repo>[^/]+/[^/]+)(?P<rest>/.*)?")
_RESOLVE = re.compile(
    r"/(?P<kind>datasets/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)"
)


@dataclass
class Repo:
    """A repository: what its branches and tags hold, and the commits that each ever was."""

    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Files] = field(default_factory=dict)
    #: Title of every commit, in the order in which they were made.
    titles: dict[str, str] = field(default_factory=dict)
    #: The commits of every branch and tag, the oldest first.
    history: dict[str, list[str]] = field(default_factory=dict)

    def commit_of(self, revision: str) -> str | None:
        if revision in self.commits:
            return revision
        return self.branches.get(revision) or self.tags.get(revision)


@dataclass
class Faults:
    """What goes wrong, until it is taken out again.

    Parameters
    ----------
    gated
        Repositories whose files are refused without consent.
    statuses
        Status by a part of the path, for every request whose path contains it.
    passing
        By a part of the path, what goes wrong with the next requests, in turn: a status, or RESET.
    corrupt
        How many more downloads of a file name arrive altered, in the right size.
    cut
        How many more downloads of a file name break off half-way.
    scripts
        What happens to the next downloads of weights of a commit, one after the other; the kinds
        are the functions of ``hub_faults.py``.
    rate
        The share of requests with which something of `COMMON` goes wrong.
    """

    gated: set[str] = field(default_factory=set)
    scripts: dict[str, list[str]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    passing: dict[str, list[int]] = field(default_factory=dict)
    corrupt: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    without_lfs: bool = False
    rate: float = 0.0


class HubServer:
    """A running Hub; use it as a context manager."""

    def __init__(self, *, signed: bool = False) -> None:
        #: Whether weights are behind signed addresses, as on the Hub.
        self.signed = signed
        self.n_signatures = 0
        self.void_signatures: set[int] = set()
        self.repos: dict[tuple[str, str], Repo] = {}
        self.faults = Faults()
        self.commits_per_page = 50
        #: Method and path of every request, in order.
        self.requests: list[str] = []
        #: The Authorization headers that came in.
        self.authorizations: list[str | None] = []
        self.n_connections = 0
        #: Whether refusals repeat the token that came with the request.
        self.echoes = False
        self.n_requests = self.n_faults = 0
        self.drawing = threading.Lock()
        self.chance = random.Random(0)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a reader that goes away in the middle

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def storage(self) -> str:
        """Where weights are when they are behind signed addresses: another host, to a client."""
        return f"http://localhost:{self._server.server_address[1]}/storage"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(
        self,
        repo_id: str,
        revision: str,
        files: Files,
        *,
        kind: str = "models",
        tag: bool = False,
        title: str = "",
    ) -> str:
        """Let `revision` of a repository hold `files` from a new commit on; return that."""
        repo = self.repos.setdefault((kind, repo_id), Repo())
        commit = _commit_of(repo_id, f"{revision} {title}" if title else revision, files)
        repo.commits[commit] = files
        repo.titles[commit] = title or f"Upload {revision}"
        repo.history.setdefault(revision, []).append(commit)
        (repo.tags if tag else repo.branches)[revision] = commit
        return commit

    def add_suite(self, root: Path, organisation: str) -> None:
        """Serve each folder of `root` as a repository, and each folder in it as a branch."""
        for step_folder in sorted(path for path in root.glob("*/*") if path.is_dir()):
            files = {path.name: path.read_bytes() for path in step_folder.iterdir()}
            self.add(f"{organisation}/{step_folder.parent.name}", step_folder.name, files)

    def delete(self, repo_id: str, revision: str, *, kind: str = "models") -> None:
        """Remove a branch and its commit."""
        repo = self.repos[kind, repo_id]
        del repo.commits[repo.branches.pop(revision)]

    def count(self, part: str) -> int:
        """Return how many requests had `part` in their method and path."""
        return sum(part in request for request in self.requests)


def _commit_of(repo_id: str, revision: str, files: Files) -> str:
    digest = hashlib.sha1(f"{repo_id} {revision}\n".encode())
    for name in sorted(files):
        digest.update(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return digest.hexdigest()


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.hub = hub
    return Handler


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.hub.n_connections += 1
        super().setup()

    def log_message(self, *_: object) -> None:
        """Keep the test output quiet."""

    def do_GET(self) -> None:
        self._route()

    def do_HEAD(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def _route(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length)
        url = urlsplit(self.path)
        path, self.query = unquote(url.path), parse_qs(url.query)
        if path == "/told":
            told = {"requests": self.hub.n_requests, "faults": self.hub.n_faults}
            return self._json(told)
        self.hub.n_requests += 1
        self.hub.requests.append(f"{self.command} {path}")
        self.hub.authorizations.append(self.headers.get("Authorization"))
        if self._passing_fault(path) or self._fault_by_chance(path):
            return None
        for part, status in self.hub.faults.statuses.items():
            if part in path:
                # So that who is patient does not wait in a test.
                return self._refuse(status, "", {"Retry-After": "0"})
        # The raw path: a quoted slash within a revision is no separator.
        if match := _API.fullmatch(url.path):
            return self._api(match)
        if match := _RESOLVE.fullmatch(url.path):
            return self._resolve(match)
        if match := _STORAGE.fullmatch(url.path):
            return self._storage(match)
        return self._refuse(404, "")

    def _passing_fault(self, path: str) -> bool:
        """Answer with the next passing fault of this path, if there is one left."""
        for part, faults in self.hub.faults.passing.items():
            if part in path and faults:
                if (status := faults.pop(0)) == RESET:
                    self._reset()
                else:
                    self._refuse(status, "", {"Retry-After": "0"})
                return True
        return False

    def _fault_by_chance(self, path: str) -> bool:
        """Answer with one of the common faults, or let the next download of weights meet one."""
        hub = self.hub
        if not hub.faults.rate:
            return False
        with hub.drawing:
            if hub.chance.random() >= hub.faults.rate:
                return False
            hub.n_faults += 1
            status, kind = hub.chance.choice(COMMON_STATUSES), hub.chance.choice(COMMON)
        match = _RESOLVE.fullmatch(path)
        if match and self._is_lfs(match["name"]):
            hub.faults.scripts.setdefault(match["revision"], []).append(kind)
            return False
        if status == RESET:
            self._reset()
        else:
            self._refuse(status, "", {"Retry-After": "0"})
        return True

    def _reset(self) -> None:
        """Break the connection in the way of a crashed peer: the other side gets a RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _api(self, match: re.Match[str]) -> None:
        repo = self.hub.repos.get((match["kind"], match["repo"]))
        if repo is None:
            return self._refuse(404, "RepoNotFound")
        rest = (match["rest"] or "").strip("/")
        if rest == "refs":
            return self._json(_refs(repo))
        action, _, tail = (rest or "revision/main").partition("/")
        revision, _, path = tail.partition("/")
        commit = repo.commit_of(unquote(revision or "main"))
        if commit is None:
            return self._refuse(404, "RevisionNotFound")
        if action == "commits":
            return self._history(repo, unquote(revision))
        if action == "tree":
            return self._tree(repo.commits[commit], unquote(path))
        entries = [self._entry(name, repo.commits[commit][name]) for name in repo.commits[commit]]
        if action == "revision":
            if "expand[]" in self.query or "expand" in self.query:
                return self._json(_counted(match["repo"], repo.commits[commit]))
            return self._json(_info(match["repo"], commit, entries, blobs="blobs" in self.query))
        if action == "paths-info":
            wanted = json.loads(self.body)["paths"]
            return self._json([entry for entry in entries if entry["path"] in wanted])
        return self._refuse(404, "")

    def _history(self, repo: Repo, revision: str) -> None:
        """Answer with one page of commits, the newest first, and the address of the next."""
        commits = [*reversed(repo.history[revision])]
        page = int(self.query.get("p", ["0"])[0])
        begin = page * self.hub.commits_per_page
        listed = [
            {"id": commit, "title": repo.titles[commit], "message": "",
             "authors": [{"user": "author"}], "date": "2024-01-01T00:00:00.000Z"}
            for commit in commits[begin : begin + self.hub.commits_per_page]
        ]  # fmt: skip
        headers = {}
        if begin + self.hub.commits_per_page < len(commits):
            address = f"{self.hub.endpoint}{urlsplit(self.path).path}?p={page + 1}"
            headers["Link"] = f'<{address}>; rel="next"'
        self._json(listed, headers)

    def _tree(self, files: Files, path: str) -> None:
        """Answer with what lies right in the folder `path`, or in all folders below it."""
        prefix = f"{path}/" if path else ""
        inside = {name: content for name, content in files.items() if name.startswith(prefix)}
        if path and not inside:
            self._refuse(404, "EntryNotFound")
            return
        listed, folders = [], {}
        for name, content in inside.items():
            *parents, _ = name.removeprefix(prefix).split("/")
            for depth in range(1, len(parents) + 1):
                folders[prefix + "/".join(parents[:depth])] = None
            if not parents or self.query.get("recursive") == ["true"]:
                listed.append(self._entry(name, content))
        if self.query.get("recursive") != ["true"]:
            folders = {each: None for each in folders if "/" not in each.removeprefix(prefix)}
        oid = hashlib.sha1(path.encode()).hexdigest()
        tree = [{"type": "directory", "path": each, "size": 0, "oid": oid} for each in folders]
        self._json([*tree, *listed])

    def _entry(self, name: str, content: bytes) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "type": "file",
            "path": name,
            "size": len(content),
            "oid": _blob_id(content),
        }
        if self._is_lfs(name):
            sha256 = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 134}
        return entry

    def _is_lfs(self, name: str) -> bool:
        return name.endswith(_LFS) and not self.hub.faults.without_lfs

    def _resolve(self, match: re.Match[str]) -> None:
        repo_id, name = match["repo"], unquote(match["name"])
        repo = self.hub.repos.get(("datasets" if match["kind"] else "models", repo_id))
        if repo is None:
            return self._refuse(404, "RepoNotFound")
        if repo_id in self.hub.faults.gated:
            return self._refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        commit = repo.commit_of(unquote(match["revision"]))
        if commit is None:
            return self._refuse(404, "RevisionNotFound")
        content = repo.commits[commit].get(name)
        if content is None:
            return self._refuse(404, "EntryNotFound", {"X-Repo-Commit": commit})
        if self.hub.signed and self._is_lfs(name):
            return self._redirect(match["repo"], name, commit, content)
        return self._file(name, commit, content)

    def _redirect(self, repo: str, name: str, commit: str, content: bytes) -> None:
        """Send the reader to a signed address, as the Hub does for weights."""
        self.hub.n_signatures += 1
        sha256 = hashlib.sha256(content).hexdigest()
        if self.hub.faults.scripts.get(commit, [])[:1] == ["wrong_tag"]:
            sha256 = sha256[::-1]
            self.hub.faults.scripts[commit].pop(0)
        headers = {
            "X-Repo-Commit": commit,
            "X-Linked-Etag": f'"{sha256}"',
            "X-Linked-Size": str(len(content)),
            "Location": f"{self.hub.storage}/{repo}/{commit}/{name}"
            f"?signature={self.hub.n_signatures}",
        }
        self._send(302, b"", headers)

    def _storage(self, match: re.Match[str]) -> None:
        repo = self.hub.repos["models", match["repo"]]
        self.signature = int(self.query["signature"][0])
        if self.signature in self.hub.void_signatures or match["commit"] not in repo.commits:
            return self._refuse(403, "")
        name = match["name"]
        return self._file(name, match["commit"], repo.commits[match["commit"]][name])

    def _file(self, name: str, commit: str, content: bytes) -> None:
        script = self.hub.faults.scripts.get(commit)
        if script and self.command == "GET" and self._is_lfs(name):
            play(script, self, content)
            return
        is_lfs = self._is_lfs(name)
        etag = hashlib.sha256(content).hexdigest() if is_lfs else _blob_id(content)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if is_lfs:
            headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
        start = 0
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(match[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if self.command == "GET":
            content = self._spoilt(name, content)
        self._send(206 if start else 200, content[start:], headers)

    def _spoilt(self, name: str, content: bytes) -> bytes:
        faults = self.hub.faults
        if faults.cut[name] > 0:
            faults.cut[name] -= 1
            self.cut_at = len(content) // 2
        if faults.corrupt[name] > 0:
            faults.corrupt[name] -= 1
            return content[:-1] + bytes([content[-1] ^ 1])
        return content

    cut_at: int | None = None

    def _json(self, value: object, headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(value).encode()
        self._send(200, content, {"Content-Type": "application/json", **(headers or {})})

    def _refuse(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        if self.hub.echoes:
            told = str(self.headers.get("Authorization"))
            headers = {**(headers or {}), "X-Error-Message": told, "X-Request-Id": told}
            content = json.dumps({"error": told, "message": told}).encode()
            self._send(status, content, {"Content-Type": "application/json"} | headers)
            return
        self._send(status, b"", {"X-Error-Code": code, "X-Error-Message": code, **(headers or {})})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(content[: self.cut_at])
        if self.cut_at is not None:
            self.cut_at = None
            self.close_connection = True


def _refs(repo: Repo) -> dict[str, Any]:
    def listed(refs: Mapping[str, str], folder: str) -> list[dict[str, str]]:
        return [
            {"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": commit}
            for name, commit in refs.items()
        ]

    return {
        "branches": listed(repo.branches, "heads"),
        "tags": listed(repo.tags, "tags"),
        "converts": [],
    }


def _counted(repo_id: str, files: Files) -> dict[str, Any]:
    """Return what the Hub says of the parameters in the safetensors files of a commit's root."""
    counts: Counter[str] = Counter()
    for name, content in files.items():
        if "/" not in name and name.endswith(".safetensors"):
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            header.pop("__metadata__", None)
            for tensor in header.values():
                counts[tensor["dtype"]] += math.prod(tensor["shape"])
    counted = {"parameters": dict(counts), "total": counts.total()} if counts else None
    return {"id": repo_id, **({"safetensors": counted} if counted else {})}


def _info(
    repo_id: str, commit: str, entries: list[dict[str, Any]], *, blobs: bool
) -> dict[str, Any]:
    siblings = []
    for entry in entries:
        sibling = {"rfilename": entry["path"]}
        if blobs:
            sibling |= {"size": entry["size"], "blobId": entry["oid"]}
        if blobs and (lfs := entry.get("lfs")):
            sibling["lfs"] = {"sha256": lfs["oid"], "size": lfs["size"], "pointerSize": 134}
        siblings.append(sibling)
    return {"id": repo_id, "sha": commit, "siblings": siblings}
