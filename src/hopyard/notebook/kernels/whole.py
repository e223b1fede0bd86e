"""Whether some code is whole: no bracket, string or comment in it is still open."""

from __future__ import annotations

import io
import re
import tokenize

from hopyard.notebook.kernels.language import PYTHON, SCALA, Language

_R = re.compile(
    r"""\#[^\n]* | [rR](["'])(-*)[\[({].*?[])}]\2\1 | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'
    | `[^`]*` | [\[({] | [])}] | ["'`]""",
    re.DOTALL | re.VERBOSE,
)
_SCALA = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | \"{3}.*?\"{3,} | "(?:\\.|[^"\\\n])*" | '(?:\\[^']+|[^'\\\n])'
    | `[^`\n]*` | [\[({] | [])}] | /\* | ["`]""",
    re.DOTALL | re.VERBOSE,
)


def is_whole(code: str, language: Language) -> bool:
    """Say whether something new may begin after some code."""
    if language is PYTHON:
        try:
            list(tokenize.generate_tokens(io.StringIO(code).readline))
        except (tokenize.TokenError, SyntaxError):
            return False
        return True
    depth = 0
    for found in (_SCALA if language is SCALA else _R).finditer(code):
        part = found[0]
        if part in ('"', "'", "`", "/*"):
            return False
        depth += (part in "([{") - (part in ")]}")
    return depth <= 0
