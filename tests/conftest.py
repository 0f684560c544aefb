"""Options and markers of the test suite; `--rewrite` renews transcripts and pages that run."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcript import Rewriting

_KEY = pytest.StashKey[Rewriting]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write the answers into transcripts and pages; fails if that changed any",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "compiled: too slow where kernels are interpreted")
    config.stash[_KEY] = Rewriting(asked=config.getoption("--rewrite"))


@pytest.fixture(scope="session")
def rewriting(pytestconfig: pytest.Config) -> Rewriting:
    """Whether answers are renewed, and the count of those that were."""
    return pytestconfig.stash[_KEY]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its counts to the process that prints them."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        done = session.config.stash[_KEY]
        output["rewritten"] = (done.n_filled, done.n_changed)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    filled, changed = getattr(node, "workeroutput", {}).get("rewritten", (0, 0))
    done = node.config.stash[_KEY]
    done.n_filled += filled
    done.n_changed += changed


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    done = config.stash[_KEY]
    if done.asked:
        terminalreporter.section("rewritten")
        terminalreporter.line(
            f"answers filled: {done.n_filled}, changed: {done.n_changed} (read the diff)"
        )
