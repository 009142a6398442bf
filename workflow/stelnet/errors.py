"""The errors that a user can mend: their message alone is shown, without a traceback."""

import re

#: Most characters of a message, and how many of its end are kept: there it says what to do.
LONGEST, END = 900, 250


def one_line(text: object, longest: int = LONGEST) -> str:
    """Return a text as one line that moves no terminal, of at most `longest` characters and an ellipsis.

    What is left out is in its middle.
    """
    line = "".join(sign if sign.isprintable() else "\n" for sign in str(text))
    line = re.sub(r"\s*\n\s*", " ", line).rstrip()
    end = END * longest // LONGEST
    return line if len(line) <= longest else f"{line[: longest - end]} ... {line[-end:]}"


class StelnetError(Exception):
    """Base of all errors of this package; the message names the culprit and what to do about it.

    It is one line of bounded length, whatever a hostile file has put into it.
    """

    def __init__(self, message: object) -> None:
        super().__init__(one_line(message))


class ConfigError(StelnetError):
    """The configuration asks for something impossible."""


class DataError(StelnetError):
    """A file, row, column or value is not what it should be."""


class DownloadError(StelnetError):
    """A dataset could not be had, or is not the one that was asked for."""


class StorageError(StelnetError):
    """A file or folder cannot be written or read: the disk is full, read-only, or closed to the user."""
