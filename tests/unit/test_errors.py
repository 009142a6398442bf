"""Messages are one line, whatever a file has put into them."""

import pytest

from stelnet.errors import END, LONGEST, DataError, one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.csv: row 3", "a.csv: row 3"),
        ("two  blanks, 'Θ', 恒星", "two  blanks, 'Θ', 恒星"),
        ("several\nlines \r\n\t here\n", "several lines here"),
        ("\x1b[2Jcleared\x07", " [2Jcleared"),
        ("\u202eturned\u2028", " turned"),
    ],
)
def test_one_line(text, expected):
    assert one_line(text) == expected
    assert str(DataError(text)) == expected


def test_a_long_message_keeps_its_beginning_and_its_end():
    told = str(DataError(f"stars.csv: row 3 has {'x' * 100_000}; leave it out."))
    assert told.startswith("stars.csv: row 3 has xxx")
    assert told.endswith("xxx; leave it out.")
    assert len(told) == LONGEST + 5


def test_a_bound_of_its_own():
    assert one_line("a" * 500 + "b" * 500, 90) == "a" * 65 + " ... " + "b" * (END // 10)
