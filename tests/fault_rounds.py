"""Rounds of faults: how many cases each tries, what came of them, and the page that tells it.

A round is a test whose docstring says what is promised. `make test` runs a short one of each. `make faults`
runs them whole and writes their counts to docs/reliability.md.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[1] / "docs/reliability.md"
#: Base of every random stream of the rounds.
SEED = 20261128


def pytest_addoption(parser) -> None:
    parser.addoption(
        "--whole", action="store_true", help="Run whole rounds of faults and write their counts."
    )


class Round:
    """One round: its random stream, and what came of its cases."""

    def __init__(self, name: str, whole: bool) -> None:
        self.whole = whole
        self.generator = np.random.default_rng([SEED, zlib.crc32(name.encode())])
        self.outcomes: Counter[str] = Counter()

    def cases(self, short: int, whole: int) -> Iterator[int]:
        """Number the cases; there are so many in a short round and in a whole one."""
        yield from range(whole if self.whole else short)

    def came(self, outcome: str) -> None:
        """Count what came of a case; only what keeps the promise is counted, else the test fails."""
        self.outcomes[outcome] += 1

    def refused(self, error: Exception | str) -> None:
        """Count a case that ended in a message, which must be one line that can be read."""
        text = str(error)
        assert "\n" not in text, text
        assert 10 < len(text) < 1000, text
        self.came("refused")


@pytest.fixture
def faults(request) -> Iterator[Round]:
    """The round of a test."""
    one = Round(request.node.nodeid.partition("::")[2], request.config.getoption("--whole", False))
    yield one
    promise = " ".join((request.function.__doc__ or "").split())
    case = getattr(request.node, "callspec", None)
    request.node.user_properties.append(
        ("faults", [promise.format(**(case.params if case else {})), request.path.name, dict(one.outcomes)])
    )


class Page:
    """Gathers what the tests tell, wherever they run, and writes it when all are done."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, int]] = {}
        self.failed = False

    def pytest_runtest_logreport(self, report) -> None:
        self.failed |= report.failed
        if report.when == "teardown":
            for promise, test, outcomes in (
                value for name, value in report.user_properties if name == "faults"
            ):
                self.rows[promise, test] = outcomes

    def pytest_sessionfinish(self) -> None:
        if self.failed or not self.rows:
            return
        lines = ["| promised | test | tried | what came of it |", "|---|---|---:|---|"]
        for (promise, test), outcomes in sorted(self.rows.items(), key=lambda row: (row[0][1], row[0][0])):
            came = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
            lines.append(f"| {promise} | `{test}` | {sum(outcomes.values()):,} | {came} |")
        block = "<!-- rounds -->\n" + "\n".join(lines) + "\n<!-- end -->"
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(
            re.sub("<!-- rounds -->.*?<!-- end -->", lambda _: block, text, flags=re.DOTALL), encoding="utf-8"
        )


def pytest_configure(config) -> None:
    if config.getoption("--whole", False) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Page())
