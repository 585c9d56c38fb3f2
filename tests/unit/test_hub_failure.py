"""What the answers of a Hub mean, each in one sentence with the next step."""

import errno

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import hf_raise_for_status

from ckpt_analyzer.hub_failure import concerns_the_repository, explain

URL = "https://huggingface.co/api/models/org/x/revision/main"
WRONG_TOKEN = {"X-Error-Message": "Invalid credentials in Authorization header"}


def error_of(status, headers):
    """The client's error for such an answer."""
    response = httpx2.Response(status, headers=headers, request=httpx2.Request("GET", URL))
    with pytest.raises(HfHubHTTPError) as caught:
        hf_raise_for_status(response)
    return caught.value


@pytest.mark.parametrize(
    ("status", "headers", "problem", "hint", "is_whole"),
    [
        (401, {"X-Error-Code": "GatedRepo"}, "x is gated", "sign in: hf auth login", True),
        (403, {"X-Error-Code": "GatedRepo"}, "x is gated", "account of your token", True),
        (401, WRONG_TOKEN, "does not accept your token", "hf auth login", True),
        (401, {}, "x does not exist on https://hub, or is private", "hf auth login", True),
        (404, {"X-Error-Code": "RepoNotFound"}, "does not exist", "check the name", True),
        (404, {"X-Error-Code": "RevisionNotFound"}, "no such revision", "plan", False),
        (404, {"X-Error-Code": "EntryNotFound"}, "lacks a file", "file's name", False),
        (403, {}, "refused access to x (HTTP 403)", "your token", True),
        (429, {}, "refuses more requests", "wait some minutes", True),
        (503, {}, "failed to serve x (HTTP 503)", "what is done stays done", False),
    ],
)
def test_an_answer_of_the_hub_is_explained(status, headers, problem, hint, is_whole):
    error = error_of(status, headers)
    told = explain(error, "x", "https://hub")
    assert problem in told.problem
    assert hint in told.hint
    assert "\n" not in told.problem + told.hint
    assert URL not in told.problem + told.hint  # an address may hold credentials
    assert concerns_the_repository(error) == is_whole


@pytest.mark.parametrize(
    "error", [httpx2.ConnectError("https://user:secret@hub"), httpx2.ReadTimeout("x")]
)
def test_a_hub_out_of_reach_concerns_all_that_is_in_it(error):
    told = explain(error, "x", "https://hub")
    assert "cannot be reached" in told.problem
    assert "secret" not in told.problem + told.hint
    assert concerns_the_repository(error)


@pytest.mark.parametrize(
    ("kind", "number"),
    [(PermissionError, errno.EACCES), (FileExistsError, errno.EEXIST), (OSError, errno.EROFS)],
)
def test_a_folder_that_cannot_be_used_is_no_fault_of_the_hub(kind, number):
    told = explain(kind(number, "Refused", "/spool/part"), "x", "https://hub")
    assert told.problem == "x was not read: /spool/part cannot be used (Refused)"
    assert "--spool DIR" in told.hint
