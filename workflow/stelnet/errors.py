"""The errors that a user can mend: their message alone is shown, without a traceback."""


class StelnetError(Exception):
    """Base of all errors of this package; the message names the culprit and what to do about it."""


class ConfigError(StelnetError):
    """The configuration asks for something impossible."""


class DataError(StelnetError):
    """A file, row, column or value is not what it should be."""


class DownloadError(StelnetError):
    """A dataset could not be had, or is not the one that was asked for."""


class StorageError(StelnetError):
    """A file or folder cannot be written or read: the disk is full, read-only, or closed to the user."""
