"""What every script shares: a log file, a record of each output, errors reported without a traceback."""

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stelnet.errors import StelnetError
from stelnet.files import storage
from stelnet.provenance import records


@contextmanager
def job(snakemake: Any) -> Iterator[logging.Logger]:
    """Log to the rule's log file and to stderr, and end the job with exit code 2 on a StelnetError.

    When the job ends well, the record of every output is written (see :mod:`stelnet.provenance.records`).

    Parameters
    ----------
    snakemake
        The object that Snakemake hands to a script.
    """
    path = Path(snakemake.log[0])
    log = logging.getLogger(snakemake.rule)
    try:
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            logging.basicConfig(
                level=logging.INFO,
                format="%(asctime)s %(levelname)s %(name)s: %(message)s",
                handlers=[logging.FileHandler(path, mode="w"), logging.StreamHandler()],
                force=True,
            )
            logging.captureWarnings(True)
            begin = time.perf_counter()
            record = records.Job(snakemake, Path(str(sys.modules["__main__"].__file__)))
            record.remove_halves()
            records.current.set(record)
            spent = time.perf_counter() - begin
            yield log
            begin = time.perf_counter()
            record.write()
            log.info("records written in %.3f s", spent + time.perf_counter() - begin)
    except StelnetError as error:
        log.error("%s", error)
        sys.exit(2)
    except Exception:
        log.exception("unexpected failure, please report it with this log")
        sys.exit(1)


def settings(snakemake: Any) -> dict[str, Any]:
    """Return the part of the configuration that the rule names, in the shape of config.yaml.

    What the rule does not name is not there: no script can use what no record holds.

    Parameters
    ----------
    snakemake
        The object that Snakemake hands to a script; its parameter ``config`` holds the keys.
    """
    part: dict[str, Any] = _part(
        snakemake.config, [key.split(".") for key in snakemake.params.config["keys"]]
    )
    return part


def _part(value: Any, keys: Sequence[Sequence[str]]) -> Any:
    """Return what lies at or below some keys, each given by its names; ``*`` stands for any one name."""
    if not isinstance(value, Mapping) or not all(keys):
        return value
    part = {}
    for name, below in value.items():
        if rest := [key[1:] for key in keys if key[0] in ("*", str(name))]:
            part[name] = _part(below, rest)
    return part
