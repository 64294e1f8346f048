from __future__ import annotations

from typing import Any

import pytest

from junto.options import MOSAIK, MOSAIK_2, SIMPYIO, Options


@pytest.mark.parametrize(
    "wrong",
    [
        {"receive_limit": 0},
        {"send_limit": 0},
        {"max_pending": 0},
        {"max_handlers": 0},
        {"max_queued": -1},
        {"request_timeout": 0},
        {"request_timeout": float("nan")},
        {"failures": "long"},
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Options(**wrong)


# CH-3
def test_the_profiles_suit_their_peers() -> None:
    assert Options(**SIMPYIO).send_limit == 16_384
    assert Options(**MOSAIK).failures == "list"
    assert Options(**MOSAIK_2).send_limit == 10 * 1024 * 1024
    assert not any(Options(**profile).extensions for profile in (SIMPYIO, MOSAIK, MOSAIK_2))


# CH-1
def test_64_mib_are_received_by_default() -> None:
    assert Options().receive_limit == 64 * 1024 * 1024
