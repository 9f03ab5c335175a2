"""The README as a list of blocks."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Block:
    """Fenced text, the heading it stands under, and the remark that stands before it."""

    section: str
    language: str
    text: str
    remark: str
    line: int


def blocks(path: Path) -> list[Block]:
    found = []
    section, remark, fence = "", "", None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if fence is not None:
            if line == "```":
                found.append(Block(section, fence[0], "\n".join(fence[1:]) + "\n", remark, begin))
                fence, remark = None, ""
            else:
                fence.append(line)
        elif line.startswith("```"):
            fence, begin = [line[3:]], number
            assert fence[0], f"line {number}: a block needs a language"
        elif match := re.fullmatch(r"<!-- (.*) -->", line):
            remark = match[1]
        elif match := re.fullmatch(r"#+ (.*)", line):
            section = match[1]
    assert fence is None, "the last block does not end"
    return found
