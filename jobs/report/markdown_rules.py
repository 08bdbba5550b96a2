r"""What notes have beyond CommonMark: formulas, kept to the letter, and comments, which vanish.

A formula is `$...$`, `$$...$$`, `\(...\)`, `\[...\]` or a LaTeX environment. As in Pandoc, a dollar
sign opens one only before something other than a space, and closes one only after something other
than a space and not before a digit: prices are not formulas. Tokens: `formula_block` in place of a
paragraph and `formula_inline` within one; their content has the delimiters.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

INLINE = re.compile(
    r"\$\$(?:\\.|[^\\$]){1,5000}?\$\$"
    r"|\$(?![\s$])(?:\\.|[^\\$]){0,1000}?(?:\\.|[^\\$\s])\$(?!\d)"
    r"|\\\(.{1,1000}?\\\)",
    re.DOTALL,
)
BLOCK = re.compile(
    r"(?:\$\$.{1,5000}?\$\$|\\\[.{1,5000}?\\\]|\\begin\{([a-z]+\*?)\}.{1,5000}?\\end\{\1\})"
    r"(?=[ \t]*[.,;]?[ \t]*$)",
    re.DOTALL | re.MULTILINE,
)
COMMENT, COMMENT_END = "<!--", "-->"


def use(parser: "MarkdownIt") -> None:
    """Let a parser know formulas and comments."""
    from markdown_it.ruler import RuleOptionsType
    from markdown_it.rules_block import paragraph

    def paragraph_to_the_end_of_its_comment(
        state: "StateBlock", start: int, end: int, silent: bool
    ) -> bool:
        paragraph(state, start, end, silent)
        _extend_over_comment(state)
        return True

    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("fence", "formula", _formula_block, interrupts)
    parser.block.ruler.before("fence", "comment", _comment_block, interrupts)
    parser.block.ruler.at("paragraph", paragraph_to_the_end_of_its_comment)
    parser.inline.ruler.before("escape", "formula", _formula_inline)
    parser.inline.ruler.before("escape", "comment", _comment_inline)


def _formula_block(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
    """Read a formula that begins a line and ends one; a full stop or comma may follow it."""
    if state.is_code_block(start):
        return False
    match = BLOCK.match(state.src, state.bMarks[start] + state.tShift[start])
    last = _line_of(state, match.end(), start, end) if match else end
    if match is None or last == end:
        return False
    if not silent:
        token = state.push("formula_block", "", 0)
        token.content = state.src[match.start() : state.eMarks[last]].rstrip()
        token.map = [start, last + 1]
        state.line = last + 1
    return True


def _comment_block(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
    """Skip a comment that begins a line, with the blank lines in it; what follows it is read."""
    begin = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or not state.src.startswith(COMMENT, begin):
        return False
    close = state.src.find(COMMENT_END, begin + 2)
    last = _line_of(state, close, start, end) if close >= 0 else end
    if last == end:
        return False
    rest = close + len(COMMENT_END)
    ends_line = not state.src[rest : state.eMarks[last]].strip()
    if last == start and not ends_line:
        return False  # the rules for text within a line see to it
    if not silent:
        state.line = last + ends_line
        state.bMarks[last] = rest
        state.tShift[last], state.sCount[last] = 0, state.blkIndent
    return True


def _extend_over_comment(state: "StateBlock") -> None:
    """Let a paragraph in which a comment begins go on to the comment's end, over blank lines."""
    inline = state.tokens[-2]
    before, opening, after = inline.content.rpartition(COMMENT)
    if not opening or COMMENT_END in after or before.count("`") % 2:
        return
    end_of_text = state.eMarks[state.line - 1]
    close = state.src.find(COMMENT_END, end_of_text)
    last = _line_of(state, close, state.line, state.lineMax) if close >= 0 else state.lineMax
    if last < state.lineMax:
        inline.content += state.src[end_of_text : state.eMarks[last]]
        state.line = last + 1


def _line_of(state: "StateBlock", position: int, start: int, end: int) -> int:
    """Return the line from `start` on that a place in the text is in; `end` if it is past them."""
    return next((line for line in range(start, end) if position <= state.eMarks[line]), end)


def _formula_inline(state: "StateInline", silent: bool) -> bool:
    match = INLINE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("formula_inline", "", 0).content = match[0]
    state.pos = match.end()
    return True


def _comment_inline(state: "StateInline", silent: bool) -> bool:
    if not state.src.startswith(COMMENT, state.pos):
        return False
    close = state.src.find(COMMENT_END, state.pos + 2, state.posMax)
    if close < 0:
        return False
    state.pos = close + len(COMMENT_END)
    if state.pending.endswith(" "):
        while state.src[state.pos : state.pos + 1] == " ":
            state.pos += 1
    return True
