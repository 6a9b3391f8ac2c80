"""What the YAML parser stumbled upon, worded so that it reads after "expected ..., found"."""

from __future__ import annotations

import re

import yaml

#: How the parser words what it stumbled upon, and how that reads after "found".
_PARSERS_WORDS = (
    (r"^found (?=\S)", ""),
    (r"^did not find expected (.*)", r"no \1 where one belongs"),
    (
        r"^mapping values are not allowed.*",
        "a key where none can be: a line indented too far, or a text with ': ' without quotes",
    ),
    (r"^could not determine a constructor for the tag (.*)", r"the tag \1, which is not for us"),
    (r"^unexpected end of stream", "the end of the file"),
)


def parsers_words(failure: yaml.YAMLError) -> str:
    """What the parser found, and since which line it was looking, if that is another one."""
    if not isinstance(failure, yaml.MarkedYAMLError):
        return str(failure)
    words = failure.problem or str(failure)
    for theirs, ours in _PARSERS_WORDS:
        words = re.sub(theirs, ours, words)
    begun, here = failure.context_mark, failure.problem_mark
    if begun is None or here is None or begun.line == here.line:
        return words
    return f"{words} ({failure.context}, which begins on line {begun.line + 1})"
