"""Names of stars in whatever script: fonts of this machine that have their letters, and what none has."""

import unicodedata
from collections.abc import Iterable
from functools import cache

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

#: The font of all figures, which comes with matplotlib.
FAMILY = "DejaVu Sans"
#: Fonts whose glyphs are not the letters that they are numbered as.
UNFIT = ("Last Resort", "STIXNon", "STIXSize", "cmb", "cmex", "cmmi", "cmr", "cmss", "cmsy", "cmti", "cmtt")
#: What stands for a letter that no font has.
BOX = "□"


def families(names: Iterable[str]) -> list[str]:
    """Return the fonts in which names are drawn: that of the figure, and others for the letters it lacks."""
    return [FAMILY, *_others(_foreign(names))[0]]


def lettered(name: str) -> str:
    """Return a name as it is drawn: in one line, with :data:`BOX` for each letter that no font has."""
    boxes = _others(_foreign([name]))[1]
    return "".join(BOX if letter in boxes else letter for letter in _in_one_line(name))


def lacking(names: Iterable[str]) -> str:
    """Return in words which letters of names no font has, nothing where all are there."""
    letters = sorted(_others(_foreign(names))[1])
    if not letters:
        return ""
    shown = " ".join(letter if letter.isprintable() else f"U+{ord(letter):04X}" for letter in letters[:10])
    more = " ..." if len(letters) > 10 else ""
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters} - {"?"}
    which = f" for {', '.join(sorted(scripts))}" if scripts else ""
    return f"no font has these letters of star names, drawn as {BOX}: {shown}{more}; install a font{which}"


def weight(name: str) -> str:
    """Return ``bold`` where the figure's font has the letters of a name in bold, which few others have."""
    letters = frozenset(_in_one_line(name))
    return "bold" if letters == _held(letters, FAMILY, "bold") else "normal"


def _in_one_line(name: str) -> str:
    return " ".join(name.split())


def _foreign(names: Iterable[str]) -> frozenset[str]:
    """Return the letters of names that the font of the figures lacks."""
    letters = frozenset("".join(map(_in_one_line, names)))
    return letters - _held(letters, FAMILY)


def _held(letters: frozenset[str], family: str, weight: str = "normal") -> frozenset[str]:
    """Return those of some letters that a font has, as the one that matplotlib takes for its name."""
    return _in_file(
        letters, findfont(FontProperties(family=[family], weight=weight), fallback_to_default=False)
    )


def _in_file(letters: frozenset[str], path: str) -> frozenset[str]:
    try:
        font = get_font(path)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(letter for letter in letters if font.get_char_index(ord(letter)))


@cache
def _others(letters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the fewest fonts that have letters, each the one with the most of them, and what none has."""
    if not letters:
        return (), letters
    upright = {(font.name, font.fname) for font in fontManager.ttflist if font.style == "normal"}
    fit = [font for font in upright if not font[0].startswith((FAMILY, *UNFIT))]
    able = sorted({name for name, path in fit if _in_file(letters, path)})
    chosen: list[str] = []
    while able and letters:
        # the first of equals, so that a figure is the same again
        best = max(able, key=lambda name: len(_held(letters, name)))
        held = _held(letters, best)
        if not held:
            break
        chosen.append(best)
        letters -= held
    return tuple(chosen), letters
