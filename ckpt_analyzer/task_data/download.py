"""Download the file of a task from its data set repository on the Hub.

In: a `TaskFile`. Out: the path of a copy in the client's cache. Checks nothing: the caller holds
the sha256, which also makes a cached copy as good as a fresh one.
"""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import RemoteEntryNotFoundError

from ckpt_analyzer.errors import TaskDataError
from ckpt_analyzer.hub_bars import NoBar
from ckpt_analyzer.hub_failure import HUB_ERRORS, explain, without_credentials
from ckpt_analyzer.task import TaskFile
from ckpt_analyzer.task_data.places import Places, names_of


def download_task_file(file: TaskFile, places: Places) -> Path:
    """Return the path of a local copy of `file`, under the first of its names that exists.

    Raises
    ------
    TaskDataError
        If the Hub does not have it or cannot be reached.
    """
    endpoint = without_credentials(places.endpoint or constants.ENDPOINT)
    subject = f"{file.name} of the data set {file.repo}"
    for name in names_of(file):
        try:
            return _download(file, name, places)
        except RemoteEntryNotFoundError:
            continue
        except HUB_ERRORS as error:
            problem, hint = explain(error, subject, endpoint)
            raise TaskDataError(
                problem,
                where=endpoint,
                hint=f"{hint}; or give a folder that holds the file: --data DIR",
            ) from None
    raise TaskDataError(
        f"the data set {file.repo} has no file {file.name}",
        where=endpoint,
        hint=f"give a folder that holds it under one of: {', '.join(names_of(file))}",
    )


def _download(file: TaskFile, name: str, places: Places) -> Path:
    assert file.repo is not None
    path = hf_hub_download(
        file.repo,
        name,
        repo_type="dataset",
        endpoint=places.endpoint,
        token=places.token,
        cache_dir=places.cache_dir,
        tqdm_class=NoBar,
    )
    return Path(path)
