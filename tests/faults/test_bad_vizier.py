"""VizieR's bad answers: a further attempt that succeeds or one clear error, never a wrong table."""

import gzip
import io
import json
import re
import time
from pathlib import Path

import bad_answers
import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from loopback import Loopback, Reply
from vizier_server import FILE, SPEC, Answer, document, vizier

from stelnet.data import acquisition, network
from stelnet.data import vizier as reader
from stelnet.data.vizier import fetch_vizier, parse, read_vizier
from stelnet.errors import DataError, DownloadError

pytestmark = pytest.mark.filterwarnings("ignore:.*W(03|50)")
SOUND = document(Answer())
WHOLE = parse(SOUND, SPEC, "it")


@pytest.fixture
def target(tmp_path) -> Path:
    """Where a file of a dataset goes."""
    return tmp_path / "data/stars/stars.vot"


def with_info(attributes: str, text: str = "") -> bytes:
    """A sound answer with one more word of the server."""
    return SOUND.replace(b"<RESOURCE", f"<INFO {attributes}>{text}</INFO>\n<RESOURCE".encode(), 1)


def with_data(data: bytes) -> bytes:
    """A sound answer with other data."""
    return re.sub(rb"<DATA>.*</DATA>", lambda _: b"<DATA>" + data + b"</DATA>", SOUND, flags=re.DOTALL)


def with_prolog(prolog: bytes) -> bytes:
    return SOUND.replace(b"<VOTABLE", prolog + b"\n<VOTABLE", 1)


def fits() -> bytes:
    stream = io.BytesIO()
    Table({"HIP": [11, 12, 13, 14]}).write(stream, format="fits")
    return stream.getvalue()


#: Answers that are none: the server is asked again.
NONE = {
    "status ERROR": with_info('name="QUERY_STATUS" value="ERROR"', "out of memory"),
    "status OVERFLOW": with_info('value="OVERFLOW" name="QUERY_STATUS"'),
    "status in small letters": with_info("name='query_status' value='error'"),
    "status at the end": SOUND.replace(
        b"</RESOURCE>", b'<INFO name="QUERY_STATUS" value="OVERFLOW"/></RESOURCE>'
    ),
    "an error in VizieR's own words": with_info('ID="Error" name="Error" value="No such table"'),
    "an error of many lines": with_info('name="QUERY_STATUS" value="ERROR"', "bad\n" * 5000),
    "data in a file": with_data(b'<BINARY><STREAM href="file:///etc/passwd"/></BINARY>'),
    "data elsewhere": with_data(b"<FITS><STREAM encoding='gzip' HREF = 'http://127.0.0.1:9/x'/></FITS>"),
    "data elsewhere, in a namespace": with_data(
        b'<v:STREAM xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" v:href="file:///etc/passwd"/>'
    ),
    "data elsewhere by default": with_prolog(
        b'<!DOCTYPE VOTABLE [<!ATTLIST STREAM href CDATA "file:///etc/passwd">]>'
    ),
    "entities": with_prolog(b'<!DOCTYPE VOTABLE [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "entities that multiply": with_prolog(
        b'<!DOCTYPE VOTABLE [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    ),
    "10^12 rows announced": SOUND.replace(b"<TABLE ", b'<TABLE nrows="1000000000000" '),
    "cells of 10^9 characters": SOUND.replace(b'arraysize="*"', b'arraysize="1000000000"'),
    "5000 columns": SOUND.replace(b"<FIELD", b'<FIELD name="x" datatype="int"/>' * 5000 + b"<FIELD", 1),
    "cut in the middle": SOUND[: len(SOUND) // 2],
    "cut before the last element": SOUND[: SOUND.rindex(b"</VOTABLE>")],
    "twice": SOUND * 2,
    "an element that is not closed": SOUND.replace(b"</TR>", b"", 1),
    "bytes that are no UTF-8": SOUND.replace(b"Synthetic 1", b"Synthetic \xff\xfe"),
    "UTF-16": SOUND.decode().encode("utf-16"),
    "a table in CSV": b"HIP,Name,Lum,log(g),[Fe/H]\n1,a,1,1,1\n2,a,1,1,1\n3,a,1,1,1\n4,a,1,1,1\n",
    "a table in FITS": fits(),
    "packed": gzip.compress(SOUND),
    "an error as text": b"**** Sorry, the service is down for maintenance ****",
    "XML of another kind": b"<?xml version='1.0'?><TAPError>no</TAPError>",
}
AT_ONCE = bad_answers.malformed(SOUND) | {name: Reply(content) for name, content in NONE.items()}


FULL = Answer().changed("Lum", cells=[1.0, 2.0, 3.0, 4.0])
RANGES = SPEC | {"columns": SPEC["columns"] | {"Lum": {"unit": "Lsun", "range": [0, 1e6], "complete": True}}}


def cells(name: str, *values: object) -> bytes:
    return document(FULL.changed(name, cells=list(values)))


def changed(pattern: bytes, by: bytes) -> bytes:
    """A full answer, changed once."""
    content, count = re.subn(pattern, by, document(FULL), count=1, flags=re.DOTALL)
    assert count == 1
    return content


BROKEN = b'<DATA><BINARY><STREAM encoding="base64">%s</STREAM></BINARY></DATA>'
NAN, INF = float("nan"), float("inf")
#: Whole answers with other content than what is registered: asked again, the server would say the same.
OTHERS = {
    "an infinity": (cells("log(g)", 4.4, 4.1, INF, 1.0), r"column log\(g\), row 3, is inf"),
    "a negative infinity": (cells("Lum", 1.0, -INF, 2.0, 3.0), "column Lum, row 2, is -inf"),
    "a value out of range": (
        cells("Lum", 1.0, 2.0, 3.0, -4.0),
        "Lum, row 4, is -4, expected are values from",
    ),
    "nan where all must be full": (cells("Lum", 1.0, NAN, 2.0, 3.0), "Lum has an empty cell in row 2"),
    "an empty cell there": (cells("Lum", 1.0, 2.0, None, 3.0), "column Lum has an empty cell in row 3"),
    "a column of nan": (cells("log(g)", *[NAN] * 4), r"column log\(g\) has an empty cell in row 1"),
    "names that are all empty": (cells("Name", "", "", " ", ""), "column Name is empty"),
    "a row less": (changed(b"<TR>.*?</TR>", b""), "3 rows, expected are 4"),
    "no row": (changed(b"<TR>.*</TR>", b""), "0 rows, expected are 4"),
    "a column less": (document(FULL.without("Lum")), "no column Lum"),
    "another unit": (changed(b'unit="Lsun"', b'unit="W"'), "the unit of column Lum is W"),
    "text for a number": (changed(b"<TD>4.4</TD>", b"<TD>bright</TD>"), "not readable.*bright"),
    "a number too long": (
        changed(b"<TD>11</TD>", b"<TD>11111111111111</TD>"),
        "not readable.*11111111111111",
    ),
    "a type that there is not": (changed(b'datatype="float"', b'datatype="quadruple"'), "not readable"),
    "too few cells in a row": (changed(b"<TD>11</TD>", b""), "not readable|holds more than numbers"),
    "damaged binary data": (changed(b"<DATA>.*</DATA>", BROKEN % b"!!!"), "not readable|0 rows"),
    "binary data that break off": (changed(b"<DATA>.*</DATA>", BROKEN % b"AAAA"), "not readable|0 rows"),
}


@pytest.mark.parametrize("name", AT_ONCE)
class TestAnswer:
    def test_is_had_at_the_next_attempt(self, name, point_astroquery_at, target, faults):
        """After a bad answer of VizieR the table is had at the next attempt."""
        with Loopback(AT_ONCE[name], Reply(SOUND)) as server:
            point_astroquery_at(server)
            fetch_vizier("stars", FILE, SPEC, target, None)
        pd.testing.assert_frame_equal(read_vizier(target, SPEC), WHOLE)
        faults.came("had")

    def test_does_not_appear_when_every_answer_is_bad(self, name, point_astroquery_at, target, faults):
        """If every answer of VizieR is bad there is one clear error and no file."""
        with Loopback(AT_ONCE[name]) as server:
            point_astroquery_at(server)
            with pytest.raises(DownloadError) as error:
                fetch_vizier("stars", FILE, SPEC, target, None)
        message = str(error.value)
        assert message.isprintable()
        faults.refused(message)
        assert re.match(r"stars: stars\.vot could not be had\. .*, 3 times: .+\. What to do: ", message)
        assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", bad_answers.without_end(SOUND))
def test_an_answer_without_end_is_given_up(name, point_astroquery_at, target, monkeypatch, faults):
    """An answer of VizieR that drips, is silent or never ends is given up, and had at the next attempt."""
    monkeypatch.setattr(reader, "TIMEOUT", 3.0)
    monkeypatch.setattr(network, "GRACE", 2.0)
    with Loopback(bad_answers.without_end(SOUND)[name], Reply(SOUND)) as server:
        point_astroquery_at(server)
        with faults.ends_within(20, time.monotonic):
            fetch_vizier("stars", FILE, SPEC, target, None)
    pd.testing.assert_frame_equal(read_vizier(target, SPEC), WHOLE)
    faults.came("had")


@pytest.mark.parametrize("name", OTHERS)
def test_a_whole_answer_of_other_content_is_one_error(name, point_astroquery_at, target, faults):
    """A whole answer of VizieR with other columns, units, rows or values is refused at once."""
    content, told = OTHERS[name]
    with Loopback(Reply(content)) as server:
        point_astroquery_at(server)
        with pytest.raises(DataError, match=told) as error:
            fetch_vizier("stars", FILE, RANGES, target, None)
    assert len(server.requests) == 1
    assert str(error.value).isprintable()
    faults.refused(error.value)
    assert list(target.parent.iterdir()) == []


def test_the_answers_above_are_sound_but_for_what_is_said():
    assert parse(document(FULL), RANGES, "it")["Lum"].tolist() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("link", [b"file:///etc/passwd", b"http://127.0.0.1:1/x", b"secret.bin", b""])
def test_no_link_is_followed(link, tmp_path):
    (tmp_path / "secret.bin").write_bytes(b"secret")
    path = tmp_path / "stars.vot"
    path.write_bytes(with_data(b'<BINARY><STREAM href="' + link + b'"/></BINARY>'))
    with pytest.raises(DataError, match=r"stars\.vot: its data are at .*links are not followed"):
        read_vizier(path, SPEC)


HEADER = {"TFIELDS": "999999999", "NAXIS1": "99999999999", "NAXIS2": "999999999999", "PCOUNT": "9" * 15}


@pytest.mark.parametrize("key", HEADER)
def test_fits_that_announces_more_than_it_holds_is_refused_by_its_header(key, tmp_path):
    path = tmp_path / "stars.fits"
    content = fits()
    at = content.rindex(key.ljust(8).encode() + b"=")
    path.write_bytes(content[: at + 10] + HEADER[key].rjust(20).encode() + content[at + 30 :])
    with pytest.raises(DataError, match=r"stars\.fits: .*header 1 announces \d+"):
        read_vizier(path, SPEC)


def test_csv_of_very_many_columns_is_refused_at_once(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(",".join(f"c{i}" for i in range(50_000)) + "\n" + ",".join("1" * 50_000) + "\n")
    with pytest.raises(DataError, match="it has 50000 columns"):
        read_vizier(path, SPEC)


def mutated(content: bytes, generator: np.random.Generator) -> bytes:
    """Content with some bytes changed, a piece cut out or put elsewhere, or its end cut off."""
    changed = bytearray(content)
    for _ in range(generator.integers(1, 5)):
        at, size = int(generator.integers(len(changed))), int(generator.integers(1, 40))
        kind = generator.integers(8)
        if kind < 4:
            changed[at] = generator.integers(256)
        elif kind < 6:
            del changed[at : at + size]
        elif kind == 6:
            to = int(generator.integers(len(changed)))
            changed[to:to] = changed[at : at + size]
        else:
            changed = changed[:at] + b"\0"
    return bytes(changed)


@pytest.mark.parametrize("kind", ["VOTable", "FITS", "CSV"])
def test_mutated_tables(kind, faults):
    """A damaged {kind} of VizieR is read as a table of the registered columns or refused in one line."""
    stream = io.BytesIO()
    if kind == "FITS":
        Table.from_pandas(WHOLE.fillna({"Name": ""})).write(stream, format="fits")
    else:
        WHOLE.to_csv(stream, index=False)
    content = SOUND if kind == "VOTable" else stream.getvalue()
    for _ in faults.cases(30, 800):
        try:
            table = parse(mutated(content, faults.generator), SPEC, "it")
        except DataError as error:
            faults.refused(error)
        else:
            assert list(table) == list(SPEC["columns"])
            faults.came("read")
    assert faults.outcomes["refused"] > 10


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["11", "", "13", "14"], [11, None, 13, 14]),
        (["1.5", "", "x", "y"], ["1.5", None, "x", "y"]),
        (["1.5", "2", "3", "4"], ["1.5", "2.0", "3.0", "4.0"]),
        (["True", "False", "True", "True"], ["True", "False", "True", "True"]),
    ],
)
def test_names_that_look_like_numbers(cells, expected):
    frame = WHOLE.assign(HIP=cells)
    found = parse(frame.to_csv(index=False).encode(), SPEC, "it")["HIP"]
    assert [None if pd.isna(name) else name for name in found] == expected


class TestFirstDigest:
    def fetched(self, answer: Answer, target, point_astroquery_at) -> dict:
        with Loopback(vizier(answer)) as server:
            point_astroquery_at(server)
            fetch_vizier("stars", FILE, SPEC, target, None)
        return json.loads(target.with_name("stars.vot.source.json").read_text())

    def test_is_kept_and_a_change_is_told(self, target, point_astroquery_at, caplog):
        first = self.fetched(Answer(), target, point_astroquery_at)["first_seen"]
        target.unlink()
        target.with_name("stars.vot.source.json").unlink()
        assert self.fetched(Answer(), target, point_astroquery_at)["first_seen"] == first
        assert not any("has changed" in line for line in caplog.messages)
        other = Answer().changed("Lum", cells=[0.35, 1.0, None, 120.8])
        assert self.fetched(other, target, point_astroquery_at)["first_seen"] == first
        (told,) = [line for line in caplog.messages if "has changed at its source" in line]
        assert first["sha256"] in told
        assert first["retrieved"] in told
        assert str(acquisition.first_seen_path(target)) in told

    def test_is_that_of_the_rows_not_of_the_words_around_them(self, target, point_astroquery_at, caplog):
        self.fetched(Answer(), target, point_astroquery_at)
        self.fetched(Answer(name="J/Synth/1/stars2"), target, point_astroquery_at)
        assert not any("has changed" in line for line in caplog.messages)
