"""The profile for other schedulers: the commands for each stand in it, all but one as comments."""

import re


def schedulers(text: str) -> dict[str, str]:
    """Name of each scheduler in the profile -> its lines, with no # before them."""
    blocks = re.findall(
        r"^# (PBS|LSF|Grid Engine|SLURM)\b.*\n((?:(?:# )?(?:cluster-generic|  ).*\n)+)", text, re.MULTILINE
    )
    return {name: re.sub("^# ", "", lines, flags=re.MULTILINE) for name, lines in blocks}


def switched_to(text: str, name: str) -> str:
    """The profile with the commands of another scheduler in place of those for PBS."""
    blocks = schedulers(text)
    assert blocks["PBS"] in text
    return text.replace(blocks["PBS"], blocks[name])
