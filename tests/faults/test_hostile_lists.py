"""Damaged and hostile star lists, from file to file: answers or one line, soon, nothing of other files."""

import gzip
import io
import lzma
import resource
import struct
import zlib
from functools import cache
from pathlib import Path

import mutations
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.table import Table
from synthetic_model import SUN, write_model
from typer.testing import CliRunner

from stelnet.cli import app
from stelnet.commands import predict as command
from stelnet.inference.loading import load
from stelnet.starlists.formats import EXTENSIONS, FORMATS

pytestmark = pytest.mark.filterwarnings("ignore")
#: Seconds of CPU and bytes that any small list may take.
SOON, LITTLE = 30, 1 << 30
STARS = {
    "name": [f"star {i}" for i in range(6)],
    "Teff": np.round(10 ** SUN[0] + 100.0 * np.arange(6), 1),
    "e_Teff": np.full(6, 50.0),
    "L": np.round(10 ** SUN[1] * 1.2 ** np.arange(6), 3),
    "e_L": np.full(6, 0.05),
}
CDS = """Title: Stars
================================================================================
Byte-by-byte Description of file: stars.txt
--------------------------------------------------------------------------------
   Bytes Format Units  Label Explanations
--------------------------------------------------------------------------------
   1-  6 A6     ---    Name  Name
   8- 13 F6.1   K      Teff  Temperature
  15- 19 F5.3   solLum L     Luminosity
--------------------------------------------------------------------------------
star 0 5754.4 1.122
star 1 5854.4 1.346
star 2 5954.4 1.616
"""


@pytest.fixture(scope="module", autouse=True)
def _model(tmp_path_factory):
    """One model for all cases, read once."""
    model = load(path=write_model(tmp_path_factory.mktemp("model")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "load_model", lambda *_: model)
        yield


def _table() -> Table:
    table = Table(STARS, meta={"catalogue": "made up"})
    for name, unit in (("Teff", "K"), ("e_Teff", "K"), ("L", "solLum"), ("e_L", "solLum")):
        table[name].unit = unit
    table["Teff"].description = "a temperature"
    return table


def _written(kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "parquet":
        schema = pa.schema([pa.field(n, pa.array(c).type, metadata={"unit": "K"}) for n, c in STARS.items()])
        schema = pa.schema([f.with_metadata(None) if "L" in f.name else f for f in schema])
        pq.write_table(pa.table(STARS, schema=schema), file)
    elif kind.startswith("votable"):
        from_table(_table()).to_xml(file, tabledata_format=kind.partition(" ")[2])
    elif kind == "ascii fits":
        fits.TableHDU.from_columns(
            [
                fits.Column(name, "A8" if name == "name" else "F10.3", ascii=True, array=np.array(values))
                for name, values in STARS.items()
            ]
        ).writeto(file)
    elif kind == "fits":
        _table().write(file, format="fits")
    else:
        text = io.StringIO()
        _table().write(text, format={"csv": "ascii.csv", "white": "ascii.basic"}.get(kind, f"ascii.{kind}"))
        return text.getvalue().encode()
    return file.getvalue()


@cache
def lists() -> dict[str, bytes]:
    """Every kind of list that is read -> a small one."""
    kinds = ("csv", "tab", "white", "fixed_width", "ipac", "ecsv", "fits", "ascii fits", "parquet")
    sound = {kind: _written(kind) for kind in (*kinds, "votable tabledata", "votable binary2")}
    csv = sound["csv"]
    packed = {"gzip": gzip.compress(csv, mtime=0), "xz": lzma.compress(csv)}
    packed["gzipped fits"] = gzip.compress(sound["fits"], mtime=0)
    encoded = {"utf-16": csv.decode().encode("utf-16"), "latin-1": csv.replace(b"star 1", b"\xe9toile")}
    return sound | packed | encoded | {"cds": CDS.encode()}


KINDS = (
    *("csv", "tab", "white", "fixed_width", "ipac", "cds", "ecsv", "fits", "ascii fits", "parquet"),
    *("votable tabledata", "votable binary2", "gzip", "xz", "gzipped fits", "utf-16", "latin-1"),
)


def answer(path: Path, target: Path, *options: str) -> tuple[int, str]:
    """Exit code of `stelnet predict` and what it says; no file may be half-written, no line long."""
    result = CliRunner().invoke(app, ["predict", str(path), "-o", str(target), "--overwrite", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in (0, 2), result.output
    assert "Traceback" not in result.output
    for line in result.stderr.splitlines():
        assert line.isprintable(), line
        assert len(line) < 1000, line
    assert target.exists() == (result.exit_code == 0)
    assert {file.name for file in target.parent.iterdir()} <= {path.name, target.name}
    return result.exit_code, result.stderr.splitlines()[-1]


def numbers(table: Table, name: str) -> np.ndarray:
    return np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)


#: Kinds that say themselves what each cell holds -> an independent reader.
READERS = {
    "fits": lambda file: Table.read(file, format="fits"),
    "parquet": lambda file: Table.from_pandas(pq.read_table(file).to_pandas()),
    "votable tabledata": lambda file: Table.read(file, format="votable"),
    "ecsv": lambda file: Table.read(file, format="ascii.ecsv"),
}


def same_numbers(content: bytes, kind: str, target: Path) -> None:
    """What came out beside the answers is what another reader finds in the list."""
    try:
        expected = READERS[kind](io.BytesIO(content))
    except Exception:
        # this one refuses what it can read in part
        return
    found = Table.read(target, format="votable")
    assert len(found) == len(expected)
    for name in set(STARS) - {"name"} & set(expected.colnames) & set(found.colnames):
        if expected[name].dtype.kind == "f":
            np.testing.assert_array_equal(numbers(found, name), numbers(expected, name))


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_lists(faults, tmp_path, kind):
    """A damaged list of the kind {kind} is answered, as another reader reads it, or refused in one line."""
    content = lists()[kind]
    path = tmp_path / "stars"
    for number in faults.cases(4, 300):
        changed = mutations.damaged(content, faults.generator)
        path.write_bytes(changed)
        form = "votable" if kind in READERS and number % 2 else FORMATS[number // 2 % len(FORMATS)]
        target = tmp_path / f"out{EXTENSIONS[form][0]}"
        with faults.ends_within(SOON):
            code, said = answer(path, target)
        if code:
            faults.refused(said)
            continue
        if form == "votable" and kind in READERS:
            same_numbers(changed, kind, target)
        target.unlink()
        faults.came("answered")


@pytest.mark.parametrize("kind", KINDS)
def test_sound_lists(tmp_path, kind):
    (tmp_path / "stars").write_bytes(lists()[kind])
    code, said = answer(tmp_path / "stars", tmp_path / "out.vot")
    assert code == 0, said


HREF = """<?xml version="1.0"?>{doctype}
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="name" datatype="char" arraysize="*"/><FIELD name="Teff" datatype="double" unit="K"/>
<FIELD name="L" datatype="double" unit="solLum"/><DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"""
LINK = '<BINARY><STREAM {href}="file://{file}" {more}/></BINARY>'
LINKS = {
    "plain": LINK.format(href="href", file="{file}", more=""),
    "base64": LINK.format(href="href", file="{file}", more='encoding="base64"'),
    "gzip": LINK.format(href="href", file="{file}", more='encoding="gzip"'),
    "BINARY2": LINK.format(href="href", file="{file}", more="").replace("BINARY", "BINARY2"),
    "FITS": LINK.format(href="href", file="{file}", more="").replace("BINARY", "FITS"),
    "http": LINK.format(href="href", file="{file}", more="").replace("file://", "http://127.0.0.1:9"),
    "capitals": LINK.format(href="HREF", file="{file}", more=""),
    "namespace": LINK.format(
        href="xlink:href", file="{file}", more='xmlns:xlink="http://www.w3.org/1999/xlink"'
    ),
    "small letters": LINK.format(href="href", file="{file}", more="").replace("STREAM", "stream"),
    "content beside": LINK.format(href="href", file="{file}", more="").replace("/></", ">AAAA</STREAM></"),
    "no file": LINK.format(href="href", file="{file}.none", more=""),
    "relative": LINK.format(href="href", file="{file}", more="").replace("file://", "../"),
    "data": LINK.format(href="href", file="{file}", more="").replace("file://{file}", "data:,x"),
}
DOCTYPES = {
    "an entity": '<!DOCTYPE VOTABLE [<!ENTITY x SYSTEM "file://{file}">]>',
    "entities of entities": f"<!DOCTYPE VOTABLE [<!ENTITY a '{'x' * 99}'><!ENTITY b '{'&a;' * 99}'>]>",
    "a default": '<!DOCTYPE VOTABLE [<!ATTLIST STREAM href CDATA "file://{file}">]>',
    "parameters": '<!DOCTYPE VOTABLE [<!ENTITY % x SYSTEM "file://{file}"> %x;]>',
}
DATA = {
    "an entity": "<TABLEDATA><TR><TD>&x;</TD><TD>5772</TD><TD>1</TD></TR></TABLEDATA>",
    "entities of entities": "<TABLEDATA><TR><TD>&b;</TD><TD>5772</TD><TD>1</TD></TR></TABLEDATA>",
    "a default": "<BINARY><STREAM/></BINARY>",
    "parameters": "<TABLEDATA><TR><TD>x</TD><TD>5772</TD><TD>1</TD></TR></TABLEDATA>",
}
WRITTEN = {"": "utf-8", "in UTF-16": "utf-16"}


@pytest.mark.parametrize("written", WRITTEN)
def test_links(faults, tmp_path, written):
    """A list that names another file or address is refused in one line, and nothing of that is read."""
    secret = tmp_path / "elsewhere" / "secret"
    secret.parent.mkdir()
    secret.write_text("root:x:0:0:a secret")
    documents = [HREF.format(doctype="", data=data) for data in LINKS.values()]
    documents += [HREF.format(doctype=DOCTYPES[name], data=DATA[name]) for name in DOCTYPES]
    folder = tmp_path / "lists"
    folder.mkdir()
    for number, document in enumerate(documents):
        content = document.replace("{file}", str(secret)).encode(WRITTEN[written])
        (folder / "stars").write_bytes(gzip.compress(content) if number % 2 else content)
        code, said = answer(folder / "stars", folder / "out.csv")
        assert code == 2, documents[number]
        assert (
            "secret'" in said
            or "127.0.0.1" in said
            or "data:" in said
            or "declares" in said
            or "none" in said
        )
        assert "root:" not in said
        faults.refused(said)


def _cards(*cards: str, data: bytes = b"") -> bytes:
    """A FITS file with a table whose header has these cards."""
    head = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
        "END",
    ]
    table = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        *cards,
        "END",
    ]
    blocks = ["".join(card.ljust(80) for card in part).encode() for part in (head, table)]
    return b"".join(block + b" " * (-len(block) % 2880) for block in blocks) + data + bytes(-len(data) % 2880)


def _sizes(width: int, rows: int, columns: int, *more: str, heap: int = 0) -> tuple[str, ...]:
    sizes = {"NAXIS1": width, "NAXIS2": rows, "PCOUNT": heap, "GCOUNT": 1, "TFIELDS": columns}
    return (*(f"{name:8}= {value:20d}" for name, value in sizes.items()), *more)


def _votable(fields: str, rows: str, attributes: str = "") -> bytes:
    head = '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE'
    return f"{head} {attributes}>{fields}<DATA>{rows}</DATA></TABLE></RESOURCE></VOTABLE>".encode()


def _parquet(rows: int) -> bytes:
    file = io.BytesIO()
    with pq.ParquetWriter(file, pa.schema([("Teff", pa.float64()), ("L", pa.float64())])) as writer:
        one = pa.array(np.full(rows // 20, 5772.0))
        for _ in range(20):
            writer.write_table(pa.table({"Teff": one, "L": one}))
    return file.getvalue()


TEFF = ("TTYPE1  = 'Teff'", "TFORM1  = 'D'", "TTYPE2  = 'L'", "TFORM2  = 'D'")
NUMBERS = '<FIELD name="Teff" datatype="double" unit="K"/><FIELD name="L" datatype="double" unit="solLum"/>'
STAR = "<TR><TD>5772</TD><TD>1</TD></TR>"
ONE = b"Teff,L\n5772,1\n"
#: Small lists, each of which some reader would take for ever, or all memory, to read.
ENDLESS = {
    "10^9 columns in FITS": lambda: _cards(*_sizes(16, 1, 999_999_999, *TEFF), data=bytes(16)),
    "10^15 rows in FITS": lambda: _cards(*_sizes(16, 10**15, 2, *TEFF), data=bytes(16)),
    "10^15 rows of no bytes in FITS": lambda: _cards(*_sizes(0, 10**15, 2, *TEFF)),
    "rows of 10^12 bytes in FITS": lambda: _cards(*_sizes(10**12, 1, 2, *TEFF), data=bytes(16)),
    "a heap of 10^15 bytes in FITS": lambda: _cards(*_sizes(16, 1, 2, *TEFF, heap=10**15), data=bytes(16)),
    "a negative size in FITS": lambda: _cards(*_sizes(16, -5, 2, *TEFF), data=bytes(16)),
    "columns of 10^9 numbers in FITS": lambda: _cards(
        *_sizes(16, 1, 2, "TTYPE1  = 'Teff'", "TFORM1  = '999999999D'", "TTYPE2  = 'L'", "TFORM2  = 'D'"),
        data=bytes(16),
    ),
    "arrays that share their values in FITS": lambda: _cards(
        *_sizes(24, 10_000, 3, *TEFF, "TTYPE3  = 'x'", "TFORM3  = '1PB(1000000)'", heap=1_000_000),
        data=struct.pack(">ddii", 5772, 1, 1_000_000, 0) * 10_000 + bytes(1_000_000),
    ),
    "no end of the header in FITS": lambda: _cards()[:5000] + b"COMMENT " + b" " * 30_000_000,
    "10^9 rows in VOTable": lambda: _votable(NUMBERS, f"<TABLEDATA>{STAR}</TABLEDATA>", 'nrows="1000000000"'),
    "rows of 10^9 numbers in VOTable": lambda: _votable(
        NUMBERS.replace('"L"', '"L" arraysize="999999999"'), f"<TABLEDATA>{STAR}</TABLEDATA>"
    ),
    "20,000 columns in VOTable": lambda: _votable(
        NUMBERS + '<FIELD name="x" datatype="double"/>' * 20_000, "<TABLEDATA/>"
    ),
    "100,000 levels in VOTable": lambda: _votable("<GROUP>" * 100_000 + "</GROUP>" * 100_000, ""),
    "100,000 columns in CSV": lambda: (
        ",".join(f"c{i}" for i in range(100_000)) + "\n" + ",".join("1" * 100_000) + "\n"
    ).encode(),
    "100,000 columns of blanks": lambda: (b" ".join([b"a"] * 100_000) + b"\n") * 3,
    "10^6 commas in CSV": lambda: b"Teff,L" + b"," * 1_000_000 + b"\n5772,1\n",
    "a line of 10^6 dashes": lambda: b"-" * 1_000_000 + b"x\n" + ONE,
    "a line of 10^6 blanks": lambda: b"|Teff | L|\n|" + b" " * 1_000_000 + b"x|\n",
    "a number of 10^6 digits": lambda: b"Teff,L\n" + b"5" * 1_000_000 + b"x,1\n",
    "a name of 10^6 brackets": lambda: b"Teff," + b"[" * 500_000 + b"]" * 500_000 + b"\n5772,1\n",
    "a unit of 10^6 brackets": lambda: b"Teff,L\n" + b"K," + b"(" * 500_000 + b")" * 500_000 + b"\n5772,1\n",
    "a unit that is a power of powers": lambda: b"Teff,L [9**9**9**9 K]\n5772,1\n",
    "a unit over zero": lambda: b"Teff,L [m**(1/0)]\n5772,1\n",
    "10^6 quotes": lambda: b"Teff,L\n5772,1\n" + b'"' * 1_000_001,
    "10^6 quotes and blanks": lambda: b"Teff L\n5772 1\n" + b'"a ' * 300_000 + b"\n",
    "10^6 lines of one letter": lambda: b"Teff  L\n5772  1\n" + b"x\n" * 1_000_000,
    "zeros without end, gzip": lambda: gzip.compress(ONE + bytes(1 << 30), compresslevel=1)[:600_000],
    "blanks without end, gzip": lambda: _blanks(1 << 30),
    "a FITS file of zeros, gzip": lambda: _blanks(1 << 30, _cards(*_sizes(16, 10**8, 2, *TEFF))),
    "many rows of one value in Parquet": lambda: _parquet(20_000_000),
}


def _blanks(count: int, head: bytes = ONE) -> bytes:
    """A small .gz file that unpacks to many blanks."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(head)]
    block = b" " * (1 << 24)
    pieces += [packer.compress(block) for _ in range(count >> 24)]
    return b"".join([*pieces, packer.flush()])


@pytest.mark.parametrize("name", ENDLESS)
def test_small_lists_that_never_end(faults, tmp_path, name):
    """A small list that announces or unpacks to very much is answered or refused within 30 s and 1 GB."""
    if ("gzip" in name or name.startswith("10^6")) and not faults.whole:
        pytest.skip("part of the whole round")
    (tmp_path / "stars").write_bytes(ENDLESS[name]())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with faults.ends_within(SOON):
        code, said = answer(tmp_path / "stars", tmp_path / "out.csv")
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < LITTLE
    if code:
        faults.refused(said)
    else:
        faults.came("answered")
