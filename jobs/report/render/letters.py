"""Letters that no font on this machine has, and the fonts to install for them."""

import unicodedata
from collections.abc import Iterator, Mapping

SHAPED_BY = {
    "Devanagari": ("Noto Serif Devanagari", "Noto Sans Devanagari", "Lohit Devanagari"),
}
"""Script -> fonts that join its letters. Typst's own fonts have these letters, unjoined; the
template names the same fonts."""

CJK = {"Hangul", "Cjk", "Hiragana", "Katakana", "Bopomofo"}
PACKAGES = {"Cjk": "fonts-noto-cjk", "Symbols": "fonts-noto-color-emoji"}
"""Debian's packages of fonts; of other scripts it is the last."""
OTHER_PACKAGE = "fonts-noto-core"

MOST_SCRIPTS = 20
MOST_LETTERS = 200
"""Of a script, so many letters are tried."""


def needs_system_fonts(text: str) -> bool:
    """Return whether a text has letters that Typst's own fonts have, but do not join."""
    return any(script in SHAPED_BY for script in _by_script(text))


def missing_letters(text: str) -> str:
    """Return a warning that names the scripts in a text for which no font is installed.

    It is empty if there is a font for every letter.
    """
    missing = {s: letters for s, letters in _by_script(text).items() if not _has_font(s, letters)}
    if not missing:
        return ""
    shown = ", ".join(f"{_name(script)} ({letters[:12]})" for script, letters in missing.items())
    packages = " ".join(sorted({_package(script) for script in missing}))
    return (
        f"The PDF does not show these letters as they should be, since no font for them is "
        f"installed: {shown}. The HTML page and the Markdown file have them. For the PDF install "
        f"the fonts (in Debian and Ubuntu: {packages}) and build the report again."
    )


def _by_script(text: str) -> Mapping[str, str]:
    """Return the letters and symbols beyond Latin, each once, by script."""
    scripts: dict[str, str] = {}
    for character in dict.fromkeys(text):
        script = _script(character)
        if script in scripts or (script and len(scripts) < MOST_SCRIPTS):
            scripts[script] = (scripts.get(script, "") + character)[:MOST_LETTERS]
    return scripts


def _script(character: str) -> str:
    """Return the script of a letter, by its Unicode name; empty if every font has it."""
    if ord(character) < 0x250:
        return ""
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    if category == "So":
        return "Symbols"
    return name.split()[0].capitalize() if category[0] == "L" and name else ""


def _name(script: str) -> str:
    return {"Cjk": "Chinese characters"}.get(script, script)


def _package(script: str) -> str:
    return PACKAGES.get("Cjk" if script in CJK else script, OTHER_PACKAGE)


def _has_font(script: str, letters: str) -> bool:
    if script in SHAPED_BY:
        return any(font in SHAPED_BY[script] for font in _families())
    return _can_be_set(letters)


def _families() -> Iterator[str]:
    import typst

    yield from typst.Fonts(include_system_fonts=True).families()


def _can_be_set(letters: str) -> bool:
    """Return whether Typst finds a glyph for each of these letters: PDF/A asks for that."""
    import typst

    try:
        typst.compile(
            b"#set document(title: sys.inputs.letters)\n#sys.inputs.letters",
            sys_inputs={"letters": letters},
            pdf_standards=["a-2b"],
        )
    except typst.TypstError:
        return False
    return True
