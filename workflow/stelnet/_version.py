"""The version, alone, so that all can read it."""

__version__ = "0.1.0"
