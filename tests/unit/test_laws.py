"""The laws of the house that lint-imports cannot state."""

import ast
import inspect

import pytest
from conftest import ROOT

from stelnet.cli import app

LIBRARY = sorted((ROOT / "workflow/stelnet").rglob("*.py"))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: "-".join(path.parts[-2:]))
def test_files_are_short_and_keep_their_private_names(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stelnet."):
            private = [alias.name for alias in node.names if alias.name.startswith("_")]
            assert private in ([], ["__version__"]), f"{node.module}: {private}"


def test_every_command_has_a_file_of_its_own_name():
    commands = {command.callback.__name__: command.callback for command in app.registered_commands}
    assert {*commands} == {"predict", "plot", "models", "audit", "archive"}
    for name, command in commands.items():
        assert inspect.getmodule(command).__name__ == f"stelnet.commands.{name}"
