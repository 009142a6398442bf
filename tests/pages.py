"""The code of README.md and of the pages of docs/: blocks, and commands in the text."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT
from markdown_it import MarkdownIt

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
)
#: A comment above a block that no test can run, with the reason.
MARK = re.compile(r"<!-- not run: (.*?) -->", re.DOTALL)
PROGRAMS = ("stelnet", "make", "snakemake")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text and first line, and why it is not run, if it is not."""

    page: str
    line: int
    language: str
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def tokens(page: str) -> list:
    """Return what markdown-it reads in a page, front matter left out."""
    text = re.sub(r"\A---\n.*?\n---\n", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    return MarkdownIt("commonmark").enable("table").parse(text)


def blocks(page: str, language: str) -> list[Block]:
    """Return the blocks of a page in a language."""
    found, reason = [], ""
    for token in tokens(page):
        if token.type == "html_block" and (mark := MARK.search(token.content)):
            reason = " ".join(mark[1].split())
            continue
        if token.type == "fence":
            found.append(Block(page, token.map[0] + 1, token.info, token.content, reason))
        reason = ""
    return [block for block in found if block.language == language]


def commands(page: str) -> list[list[str]]:
    """Return the calls of this project's programs in a page: in blocks of shell, and as code in the text."""
    lines = [line for block in blocks(page, "bash") for line in block.text.replace("\\\n", " ").splitlines()]
    lines += [
        child.content
        for token in tokens(page)
        for child in token.children or ()
        if child.type == "code_inline"
    ]
    calls = []
    for line in lines:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # code of another language
            continue
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
        if len(words) > 1 and (program := Path(words[0]).name) in PROGRAMS:
            calls.append([program, *words[1:]])
    return calls
