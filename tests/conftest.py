"""What all tests share."""

from __future__ import annotations

import gc
import os
import signal

import pytest
from hypothesis import settings

# The default repeats itself: a red run is red again, on every machine. A slow machine is no fault of a test,
# so there is no deadline. HYPOTHESIS_PROFILE=search looks for new examples, many of them.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, database=None)
settings.register_profile("search", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# A shell lets what it starts in the background ignore Ctrl-C, and so would the programs that are tested here.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--table", metavar="FILE", help="write the outcomes of the conformance suite there")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "the test left Ctrl-C changed"


def pytest_collection_finish() -> None:
    # Hundreds of tests collect garbage to see what is left. None of it is in what pytest itself keeps of
    # thousands of tests, and looking through that takes a second each time.
    gc.collect()
    gc.freeze()
