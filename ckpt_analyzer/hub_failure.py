"""What an error of the Hub's client means, in one sentence and with the next step.

In: an exception raised by huggingface_hub, and what was asked for. Out: its explanation. The
message of the exception is never passed on: it may quote addresses with credentials in them.
"""

from __future__ import annotations

import errno
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import httpx2
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

#: What the client raises when the Hub refuses, is not reached, or the disk is full.
HUB_ERRORS = (httpx2.HTTPError, HFValidationError, EntryNotFoundError, OSError)
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_NOT_FOUND, _TOO_MANY = 404, 429
_UNREACHED = httpx2.TimeoutException | httpx2.NetworkError | httpx2.ProxyError


def without_credentials(address: str) -> str:
    """Return `address` as it may be shown: without a user, a password, a query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def concerns_the_repository(error: Exception) -> bool:
    """Return whether no other revision of the repository would fare better."""
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return concerns_the_repository(error.__cause__)
    if isinstance(error, _UNREACHED | OfflineModeIsEnabled | HFValidationError):
        return True
    if isinstance(error, RevisionNotFoundError | EntryNotFoundError):
        return False
    if isinstance(error, GatedRepoError | RepositoryNotFoundError):
        return True
    return isinstance(error, HfHubHTTPError) and error.response.status_code in (
        _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY,
    )  # fmt: skip


class Explanation(NamedTuple):
    """A problem and what to do next."""

    problem: str
    hint: str


def explain(error: Exception, subject: str, endpoint: str) -> Explanation:
    """Return what `error` means for `subject`, e.g. ``EleutherAI/pythia-70m at step1000``."""
    endpoint = without_credentials(endpoint)
    # The client reports a failed HEAD request as "no local file": the cause says why.
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return explain(error.__cause__, subject, endpoint)
    if isinstance(error, OfflineModeIsEnabled):
        return Explanation(
            f"{subject} was not read: the Hub's client is set to work offline",
            "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE, or use a local folder",
        )
    if isinstance(error, HfHubHTTPError | HFValidationError | EntryNotFoundError):
        return _explain_refusal(error, subject, endpoint)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Explanation(
            f"the disk is full while {subject} was written",
            "free space, or put the store on a larger disk: --store DIR",
        )
    if isinstance(error, OSError) and error.filename is not None:  # those of a network have none
        return Explanation(
            f"{subject} was not read: {error.filename} cannot be used ({error.strerror})",
            "check the owner and the permissions of that folder, or name another one: --spool DIR "
            "for weights, --store DIR for what lies beside the store, else HF_HOME",
        )
    if isinstance(error, _UNREACHED):
        return Explanation(
            f"{subject} was not read: {endpoint} cannot be reached ({type(error).__name__})",
            "check the connection, or name a mirror with --endpoint, then run the same command "
            "again; a suite or task in a local folder needs no Hub",
        )
    return Explanation(
        f"{subject} was not read: {endpoint} did not answer as a Hub does ({type(error).__name__})",
        "check the endpoint, then run the same command again",
    )


def _explain_refusal(error: Exception, subject: str, endpoint: str) -> Explanation:
    if isinstance(error, GatedRepoError):  # a subclass of RepositoryNotFoundError: ask first
        return Explanation(
            f"{subject} is gated: its authors ask for your consent first",
            "accept the terms on its page with the account of your token, or sign in with "
            "another: hf auth login"
            if error.response.status_code == _FORBIDDEN
            else "accept the terms on its page, then sign in: hf auth login",
        )
    if isinstance(error, RevisionNotFoundError):
        return Explanation(
            f"{subject} does not exist: the repository has no such revision",
            "list the checkpoints that exist: ckpt-analyzer plan",
        )
    if isinstance(error, RepositoryNotFoundError | HFValidationError):
        return Explanation(
            f"{subject} does not exist on {endpoint}, or is private",
            "check the name; for a private repository sign in: hf auth login",
        )
    if isinstance(error, EntryNotFoundError):
        return Explanation(f"{subject} lacks a file that was asked for", "check the file's name")
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 0
    if status == _UNAUTHORIZED:  # a repository that needs a token and got none is told above
        return Explanation(
            f"{subject} was not read: {endpoint} does not accept your token (HTTP 401)",
            "get a new one and sign in: hf auth login; HF_TOKEN, if set, goes before it",
        )
    if status == _FORBIDDEN:
        return Explanation(
            f"{endpoint} refused access to {subject} (HTTP {status})",
            "check that your token is valid and may read it: hf auth whoami",
        )
    if status == _NOT_FOUND:
        return Explanation(
            f"{endpoint} does not know {subject} (HTTP 404)", "check the name and the endpoint"
        )
    if status == _TOO_MANY:
        return Explanation(
            f"{endpoint} refuses more requests for now: {subject} was not read (HTTP 429)",
            "wait some minutes and run the same command again; who is signed in (hf auth login) "
            "may ask more often",
        )
    return Explanation(
        f"{endpoint} failed to serve {subject} (HTTP {status})",
        "wait a little and run the same command again: what is done stays done",
    )
