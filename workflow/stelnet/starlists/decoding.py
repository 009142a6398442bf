"""Text of any encoding, as UTF-8."""

import codecs
import re
from collections.abc import Iterator
from typing import Any

from stelnet.errors import DataError

#: Bytes of a file that are read at a time, how many may be in one line, and in values with line breaks.
BLOCK, ENDLESS, LONGEST = 4 << 20, 256 << 20, 64 << 20
#: Byte order mark -> encoding; that of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def latin1_or_utf8(text: bytes) -> str:
    """Return a text that is UTF-8, or else Latin-1 in the form that Windows and the web know."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        pass
    try:
        return text.decode("cp1252")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def encoding_of(head: bytes) -> tuple[str, int]:
    """Return the encoding that the first bytes of a text imply, and the length of its byte order mark."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding, len(mark)
    # letters of four bytes or two, most of them ASCII
    for encoding, letters in (("utf-32-le", head[:64:4]), ("utf-32-be", head[3:64:4])):
        if len(letters) > 1 and all(letters) and head[:64].count(0) == 3 * len(letters):
            return encoding, 0
    for encoding, zeros, letters in (
        ("utf-16-le", head[1:64:2], head[:64:2]),
        ("utf-16-be", head[:64:2], head[1:64:2]),
    ):
        if len(zeros) > 1 and not any(zeros) and all(letters):
            return encoding, 0
    return "utf-8", 0


def plain_head(head: bytes) -> bytes:
    """Return the first bytes of a file as UTF-8, if they are text of another encoding; others as they are."""
    encoding, mark = encoding_of(head)
    return head if encoding == "utf-8" else head[mark:].decode(encoding, "ignore").encode()


#: What is told of such a text.
LATIN1 = "its text is not UTF-8 throughout, and read as Latin-1 where it is not"


class Text:
    """A stream of bytes as UTF-8 text.

    Parameters
    ----------
    stream
        Has ``read``.
    label
        How messages call it.

    Attributes
    ----------
    latin1
        Whether some line was not in the encoding of the others, and taken for Latin-1.
    """

    def __init__(self, stream: Any, label: str) -> None:
        self._stream, self._label = stream, label
        self.latin1 = False

    def blocks(self) -> Iterator[bytes]:
        """Yield whole lines as UTF-8, without a byte order mark; line ends stay as they are."""
        head = self._stream.read(BLOCK)
        encoding, mark = encoding_of(head)
        decoder = codecs.getincrementaldecoder(encoding)() if encoding != "utf-8" else None
        rest, block = b"", head[mark:]
        while True:
            last = not block
            if decoder:
                block = self._decoded(decoder, block, last)
            block = rest + block
            end = len(block) if last else max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
            rest = block[end:]
            if len(rest) > ENDLESS:
                raise DataError(f"{self._label}: not a table in text: its lines have no end.")
            if end:
                yield self._utf8(block[:end])
            if last:
                return
            block = self._stream.read(BLOCK)

    def _decoded(self, decoder: codecs.IncrementalDecoder, block: bytes, last: bool) -> bytes:
        try:
            return decoder.decode(block, final=last).encode()
        except UnicodeError as error:
            name = str(getattr(error, "encoding", "text")).upper()
            raise DataError(
                f"{self._label}: begins as {name} text but is not {name} throughout: damaged or cut off; "
                "save it again, as UTF-8."
            )

    def _utf8(self, block: bytes) -> bytes:
        try:
            block.decode()
        except UnicodeDecodeError:
            # line by line, so that it does not depend on where blocks end
            self.latin1 = True
            lines = re.findall(rb"[^\r\n]*[\r\n]+|[^\r\n]+", block)
            return b"".join(latin1_or_utf8(line).encode() for line in lines)
        return block


def whole_rows(blocks: Iterator[bytes], separator: str) -> Iterator[bytes]:
    """Yield lines in blocks that do not end within quotes, and none that is blank."""
    mark = re.escape(separator.encode())
    quoted_or_end = re.compile(rb"(?:(?<=[\r\n" + mark + rb'])|\A)"(?:[^"]|"")*(?:"|\Z)|[\r\n]')
    rest = b""
    for block in blocks:
        block = rest + block
        end = len(block)
        if b'"' in block and end < LONGEST:
            ends = (match.end() for match in quoted_or_end.finditer(block) if match[0] in (b"\n", b"\r"))
            end = max(ends, default=0)
        rest = block[end:]
        if block[:end].strip():
            yield block[:end]
    if rest.strip():
        yield rest


_WORDS = re.compile(rb"""\"(?:[^"\n]|"")*"|'[^'\n]*'(?=\s|$)|[^ \t\n]+""")
_RULES = re.compile(rb"(?m)^(?=[ +|:\-=]*+$)[^\-=\n]*+(?:[\-=](?![\-=])[^\-=\n]*+)*+[\-=]{2}.*$")


def one_line_end(block: bytes) -> bytes:
    """Return lines that end as those of Unix do."""
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in block else block


def without_white_space(block: bytes) -> bytes:
    """Return lines with a tab wherever there was white space outside quotes, and without comments."""
    lines = (line for line in one_line_end(block).split(b"\n") if not line.lstrip().startswith(b"#"))
    return b"\n".join(b"\t".join(_words(line)) for line in lines)


def _words(line: bytes) -> list[bytes]:
    """Return the words of a line, with single quotes made double ones."""
    if b'"' not in line and b"'" not in line:
        return line.split()
    words = _WORDS.findall(line)
    single = [len(word) > 1 and word[:1] == word[-1:] == b"'" for word in words]
    doubled = [b'"' + word[1:-1].replace(b'"', b'""') + b'"' for word in words]
    return [new if one else word for word, new, one in zip(words, doubled, single, strict=True)]


def without_padding(block: bytes, separator: str) -> bytes:
    """Return lines without blanks around values, bars at both ends, and rules drawn between them."""
    block = one_line_end(block)
    if separator == "|":
        block = re.sub(rb"(?m)^[ \t]*\|(.*)\|[ \t]*$", rb"\1", _RULES.sub(b"", block))
    # each run of blanks is looked at once
    block = re.sub(rb"(?:(?<! ) ++)?+" + re.escape(separator.encode()) + rb" *+", separator.encode(), block)
    return re.sub(rb"(?m)^ ++|(?<! ) ++$", b"", block)
