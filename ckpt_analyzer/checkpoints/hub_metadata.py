"""Metadata of repositories on a Hub: refs, histories, inventories of commits, small texts.

In: repositories and revisions. Out: records. Each answer about a commit is asked for once and kept
in the cache; a failure that may pass is tried again (``patience.py``). Errors of the client come
out as they are: what they mean for the user is ``hub_failure.py``.
"""

from __future__ import annotations

import re

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFolder, RepoSibling
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._http import get_session, hf_raise_for_status

from ckpt_analyzer.checkpoints.inventory import Inventory, ListedFile
from ckpt_analyzer.checkpoints.locating.place import Ref, TitledCommit
from ckpt_analyzer.checkpoints.metadata_cache import MetadataCache
from ckpt_analyzer.checkpoints.patience import Patience
from ckpt_analyzer.errors import CheckpointError
from ckpt_analyzer.hub_failure import without_credentials

_TIMEOUT_SECONDS = 30.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class HubMetadata:
    """Answers about the repositories of one endpoint."""

    def __init__(self, api: HfApi, patience: Patience, cache: MetadataCache) -> None:
        self._api = api
        self._patience = patience
        self._cache = cache

    def refs(self, repo: str) -> tuple[Ref, ...]:
        """Return all tags and branches of `repo`, branches last; one request.

        Where a tag and a branch have the same name, the Hub serves the branch.
        """
        found = self._patience.ask(lambda: self._api.list_repo_refs(repo))
        return tuple(Ref(ref.name, ref.target_commit) for ref in (*found.tags, *found.branches))

    def history(self, repo: str, branch: str) -> tuple[TitledCommit, ...]:
        """Return the commits of `branch`, the newest first; one request per page of them.

        None if there is no such branch.
        """
        try:
            found = self._patience.ask(lambda: self._api.list_repo_commits(repo, revision=branch))
        except RevisionNotFoundError:
            return ()
        return tuple(TitledCommit(each.title, each.commit_id) for each in found)

    def folders(self, repo: str, commit: str, inside: str) -> tuple[str, ...]:
        """Return the paths of the folders right in `inside`; one request per page of them.

        None if there is no such folder.
        """

        def listed() -> list[str]:
            tree = self._api.list_repo_tree(repo, inside or None, revision=commit)
            return [entry.path for entry in tree if isinstance(entry, RepoFolder)]

        try:
            return tuple(self._patience.ask(listed))
        except EntryNotFoundError:
            return ()

    def exists(self, repo: str) -> bool:
        """Return whether `repo` exists and may be seen; one request."""
        try:
            self.refs(repo)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return False
        return True

    def head(self, repo: str) -> str | None:
        """Return the commit of ``main``; None if there is no such repository, or it is private."""
        try:
            refs = self.refs(repo)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return None
        return next((ref.commit for ref in refs if ref.name == "main"), None)

    def parameters(self, repo: str, commit: str) -> int | None:
        """Return how many parameters the safetensors files of `commit` hold, as the Hub says.

        None where it does not say it; one request.
        """
        info = self._patience.ask(
            lambda: self._api.model_info(
                repo, revision=commit, expand=["safetensors"], timeout=_TIMEOUT_SECONDS
            )
        )
        return None if info.safetensors is None else info.safetensors.total

    def known(self, repo: str, commit: str) -> Inventory | None:
        """Return what `commit` holds if that is known without a request."""
        return self._cache.inventory(repo, commit)

    def inventory(self, repo: str, revision: str, *, commit: str | None = None) -> Inventory:
        """Return what `revision` holds; at most one request, none if `commit` is known already.

        Parameters
        ----------
        commit
            Ask for exactly this commit instead of what the revision stands for by now.

        Raises
        ------
        CheckpointError
            If the endpoint does not give commits or sizes, or answers about another commit.
        """
        if commit is not None and (kept := self._cache.inventory(repo, commit)) is not None:
            return kept
        info = self._patience.ask(
            lambda: self._api.model_info(
                repo, revision=commit or revision, files_metadata=True, timeout=_TIMEOUT_SECONDS
            )
        )
        subject = f"{repo} at {revision}"
        if info.sha is None:
            raise self._foreign(f"gives no commit for {subject}")
        if not _COMMIT.fullmatch(info.sha):
            raise self._foreign(f"gives a commit that is none for {subject}")
        if commit is not None and info.sha != commit:
            raise self._foreign(f"answers for commit {info.sha} of {repo}, asked for {commit}")
        listed = (self._listed(sibling, subject) for sibling in info.siblings or ())
        files = tuple(sorted(listed, key=lambda file: file.name))
        inventory = Inventory(info.sha, files)
        self._cache.keep_inventory(repo, inventory)
        return inventory

    def text(self, repo: str, commit: str, file: ListedFile) -> bytes:
        """Return the content of a small file of `commit`; one request per distinct content.

        Raises
        ------
        CheckpointError
            If its length is not the published one.
        """
        kept = self._cache.text(repo, file.digest)
        if kept is not None and len(kept) == file.size_bytes:
            return kept
        content = self._patience.ask(lambda: self._get(repo, commit, file.name))
        if len(content) != file.size_bytes:
            raise CheckpointError(
                f"{file.name} of {repo} has {len(content)} bytes, published are {file.size_bytes}",
                where=f"{without_credentials(self._api.endpoint)}, commit {commit}",
                hint="run the same command again; if it stays so, the endpoint or a proxy is "
                "at fault",
            )
        self._cache.keep_text(repo, file.digest, content)
        return content

    def _get(self, repo: str, commit: str, name: str) -> bytes:
        # Not hf_hub_download: it asks twice, and leaves the file in the user's cache.
        url = hf_hub_url(repo, name, revision=commit, endpoint=self._api.endpoint)
        headers = build_hf_headers(token=self._api.token)
        response = get_session().get(
            url, headers=headers, timeout=_TIMEOUT_SECONDS, follow_redirects=True
        )
        hf_raise_for_status(response)
        content: bytes = response.content
        return content

    def _listed(self, sibling: RepoSibling, subject: str) -> ListedFile:
        size_bytes = sibling.lfs.size if sibling.lfs else sibling.size
        if size_bytes is None:
            raise self._foreign(f"gives no file sizes for {subject}")
        if not _is_size(size_bytes):
            raise self._foreign(f"gives a file size that is none for {subject}")
        sha256 = sibling.lfs.sha256 if sibling.lfs else None
        digest = sha256 or sibling.blob_id
        if digest is None:
            raise self._foreign(f"gives no digests of files for {subject}")
        # Digests become names of files of ours, and are shown: nothing else may stand there.
        if not (_SHA256 if sha256 else _COMMIT).fullmatch(digest):
            raise self._foreign(f"gives a digest that is none for {subject}")
        return ListedFile(sibling.rfilename, size_bytes, digest, sha256)

    def _foreign(self, problem: str) -> CheckpointError:
        return CheckpointError(
            f"{without_credentials(self._api.endpoint)} {problem}",
            hint="use an endpoint that speaks the Hub's protocol in full",
        )


def _is_size(value: object) -> bool:
    """Return whether `value`, which a server told, is a size."""
    return isinstance(value, int) and value >= 0
