"""What servers say of when to come back."""

from datetime import UTC, datetime

import pytest

from ckpt_analyzer.checkpoints.asked_wait import asked_wait_seconds

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Fri, 02 Jan 2026 03:05:05 GMT"}, 60.0),
        ({"retry-after": "Fri, 02 Jan 2026 03:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 02 Jan 99999 03:00:00 GMT"}, None),
        ({"ratelimit": '"resolvers";r=0;t=55'}, 55.0),
        ({"ratelimit": '"resolvers";r=9;t=55'}, None),
        ({"retry-after": "3", "ratelimit": '"api";r=0;t=55'}, 3.0),
        ({}, None),
    ],
)
def test_what_a_server_asks_for_is_read_from_either_header(headers, seconds):
    assert asked_wait_seconds(headers, NOW) == seconds
