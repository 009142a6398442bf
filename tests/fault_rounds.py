"""Rounds of faults: how many cases each tries, what came of them, and the page that tells it.

A round is a test whose docstring says what is promised. `make test` runs a short one of each. `make faults`
runs them whole and writes their counts to docs/reliability.md.
"""

import re
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent / "faults"
PAGE = FOLDER.parents[1] / "docs/reliability.md"
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

    @contextmanager
    def ends_within(self, seconds: float, clock: Callable[[], float] = time.process_time) -> Iterator[None]:
        """Hold a case to a limit by a clock, in a whole round only: no short one is about speed."""
        begin = clock()
        yield
        spent = clock() - begin
        assert not self.whole or spent < seconds, f"{spent:.0f} s"

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


ROW = re.compile(r"^\| (.+) \| `(\w+\.py)` \| [\d,]+ \| (.+) \|$", re.MULTILINE)
BLOCK = re.compile("<!-- rounds: begin -->.*?<!-- rounds: end -->", re.DOTALL)


class Page:
    """Gathers what the tests tell, wherever they run, and writes it when all are done.

    Rounds that did not run keep their row.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Counter[str]] = {}
        self.failed = False

    def pytest_runtest_logreport(self, report) -> None:
        self.failed |= report.failed
        if report.when == "teardown":
            for promise, test, outcomes in (
                value for name, value in report.user_properties if name == "faults"
            ):
                self.rows.setdefault((promise, test), Counter()).update(outcomes)

    def pytest_sessionfinish(self) -> None:
        if self.failed or not self.rows:
            return
        text = PAGE.read_text(encoding="utf-8")
        shown = {(promise, test): came for promise, test, came in ROW.findall(BLOCK.search(text)[0])}
        shown = {key: came for key, came in shown.items() if (FOLDER / key[1]).is_file()}
        for key, outcomes in self.rows.items():
            shown[key] = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        lines = ["| promised | test | tried | what came of it |", "|---|---|---:|---|"]
        for (promise, test), came in sorted(shown.items(), key=lambda row: (row[0][1], row[0][0])):
            tried = sum(map(int, re.findall(r"(?:^|, )(\d+) ", came)))
            lines.append(f"| {promise} | `{test}` | {tried:,} | {came} |")
        block = "\n".join(["<!-- rounds: begin -->", *lines, "<!-- rounds: end -->"])
        PAGE.write_text(BLOCK.sub(lambda _: block, text), encoding="utf-8")


def pytest_configure(config) -> None:
    if config.getoption("--whole", False) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Page())
