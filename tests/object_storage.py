"""An object storage that speaks the protocol of S3, as a process on this machine: moto's server.

It needs packages that do not go with ours (python-dateutil < 3), so it has an environment of its
own: ``make s3-server`` makes it.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ckpt_analyzer.store import object_access

REPOSITORY = Path(__file__).resolve().parents[1]
#: As no log, store or page may hold it.
SECRET = "secret-of-the-tests-9f8e7d6c"
_NAMES = ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_REGION")


class ObjectStorage:
    """A storage at work.

    Parameters
    ----------
    environment
        What reaches it, for this process or a child.
    """

    def __init__(self, endpoint, log):
        self._log = log
        self.environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "key-of-the-tests",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_bucket(self, name):
        from pyarrow.fs import S3FileSystem

        S3FileSystem(
            endpoint_override=self.environment["AWS_ENDPOINT_URL"],
            access_key=self.environment["AWS_ACCESS_KEY_ID"],
            secret_key=SECRET,
            region="us-east-1",
            allow_bucket_creation=True,
        ).create_dir(name)
        return f"s3://{name}"

    def n_requests(self, method, ending):
        """How many requests of a method for objects so named it has answered."""
        # The server colours some of its lines.
        return len(re.findall(rf"{method} \S+{re.escape(ending)}[? ]", self._log.read_text()))


@contextmanager
def object_storage(folder):
    """Start a storage whose log lies in `folder`; its absence skips the test.

    It fails it where CKPT_ANALYZER_REQUIRE_STORAGE=1 (as in CI).
    """
    port = _free_port()
    log = folder / "requests.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [_server(), "-H", "127.0.0.1", "-p", str(port)], stdout=file, stderr=file
        ) as process,
    ):
        try:
            _wait_for(port, process)
            yield ObjectStorage(f"http://127.0.0.1:{port}", log)
        finally:
            process.terminate()


@contextmanager
def reached(environment, cache):
    """Let this process use the storage that `environment` names; copies go into `cache`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _NAMES:
            patch.delenv(name, raising=False)
        for name, value in {**environment, "XDG_CACHE_HOME": str(cache)}.items():
            patch.setenv(name, value)
        forget()
        try:
            yield
        finally:
            forget()


def forget():
    """Let this process know of a storage what a new one does."""
    object_access._storage.cache_clear()
    object_access._known.clear()


def _server():
    own = REPOSITORY / ".venv-s3" / "bin" / "moto_server"
    found = os.environ.get("CKPT_ANALYZER_S3_SERVER") or shutil.which(own)
    if found is not None:
        return found
    reason = "there is no S3 server: make s3-server, or CKPT_ANALYZER_S3_SERVER=…/moto_server"
    if os.environ.get("CKPT_ANALYZER_REQUIRE_STORAGE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait_for(port, process):
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None, "the S3 server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, "the S3 server does not answer"
            time.sleep(0.1)
        else:
            return
