"""The images of the student's notes: PNG, JPEG and SVG files beside the notes, made safe to embed.

Raster images are encoded anew, which leaves out what a camera writes beside the pixels, such as the
place; SVG is taken if it has neither scripts nor references to anything outside itself.
"""

import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jobs.report.notes import image_addresses

MAX_PICTURES = 30
MAX_BYTES = 10_000_000
"""Size of one file."""
MAX_PIXELS = 60_000_000
MAX_SIDE = 2_400
"""Larger images are scaled down to this many pixels: 14 cm at 430 dots per inch."""
JPEG_QUALITY = 90

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
SVG_REFUSED = {"script", "foreignobject", "iframe", "object", "embed", "audio", "video", "handler"}
URL = re.compile(r"url\(\s*['\"]?(?!#)|@import|javascript:", re.IGNORECASE)
"""What in an attribute or a style sheet refers to something outside the file."""
INSIDE = re.compile(r"#|data:image/(?:png|jpeg);", re.IGNORECASE)
"""How a reference begins that stays within the file."""


@dataclass(frozen=True)
class Pictures:
    """The images that notes name, by address."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """Path in the document's folder, such as `figures/notes-1a2b3c4d.png`, to the image."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Address to that path or, in brackets, why the image is left out: as `notes.parse` wants."""

    @property
    def left_out(self) -> dict[str, str]:
        """Address -> why, in brackets."""
        return {a: place for a, place in self.places.items() if place.startswith("(")}


class _LeftOutError(Exception):
    """An image cannot be shown; the message says why."""


def read_pictures(notes: str, folder: Path) -> Pictures:
    """Return the images that the notes in a folder name.

    Args:
        notes: Markdown.
        folder: where the notes lie; images lie there or below. In a document's folder they are
            also looked for under the names that `Pictures.files` gave them.
    """
    files: dict[str, bytes] = {}
    places: dict[str, str] = {}
    for number, address in enumerate(image_addresses(notes)):
        try:
            if number >= MAX_PICTURES:
                raise _LeftOutError(f"only the first {MAX_PICTURES} images are shown")
            name, data = _read(address, folder)
        except _LeftOutError as reason:
            places[address] = f"({reason})"
        else:
            files[name], places[address] = data, name
    return Pictures(files, places)


def _read(address: str, folder: Path) -> tuple[str, bytes]:
    """Return the path in the document and the content of an image."""
    try:
        data = _content(address, folder)
    except (OSError, ValueError) as error:  # ValueError: an address that no path can have
        raise _LeftOutError("cannot be read") from error
    if data.startswith(b"\x89PNG"):
        return _stored(address, "png"), _raster(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _stored(address, "jpg"), _raster(data)
    if b"<svg" in data[:10_000]:
        return _stored(address, "svg"), _vector(data)
    raise _LeftOutError("is not a PNG, JPEG or SVG image")


def _content(address: str, folder: Path) -> bytes:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        raise _LeftOutError("is not a file beside the notes")
    home = folder.resolve()
    kept = (home / _stored(address, kind) for kind in ("png", "jpg", "svg"))
    path = _first_file((home / unquote(address), *kept))
    if path is None:
        raise _LeftOutError("there is no such file beside the notes")
    if not path.resolve().is_relative_to(home):
        raise _LeftOutError("is outside the folder of the notes")
    if path.stat().st_size > MAX_BYTES:
        raise _LeftOutError(f"is larger than {MAX_BYTES // 1_000_000} MB")
    return path.read_bytes()


def _first_file(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _stored(address: str, kind: str) -> str:
    """Return the name in the document, which a later build finds by the same address."""
    digest = hashlib.sha256(address.encode(errors="replace")).hexdigest()
    return f"figures/notes-{digest[:8]}.{kind}"


def _raster(data: bytes) -> bytes:
    """Return a PNG or JPEG image encoded anew: upright, 8 bits a channel, pixels alone."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _LeftOutError(f"has more than {MAX_PIXELS // 1_000_000} million pixels")
            kind = image.format
            upright = ImageOps.exif_transpose(image)
            has_alpha = kind == "PNG" and upright.has_transparency_data
            plain = upright.convert("RGBA" if has_alpha else "RGB")
            plain.thumbnail((MAX_SIDE, MAX_SIDE))
            plain.info.clear()
            out = io.BytesIO()
            plain.save(out, kind, **({"quality": JPEG_QUALITY} if kind == "JPEG" else {}))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _LeftOutError("is damaged") from error
    return out.getvalue()


def _vector(data: bytes) -> bytes:
    """Return an SVG image without comments, processing instructions and document type."""
    from xml.etree import ElementTree

    if b"<!ENTITY" in data:
        raise _LeftOutError("declares entities, which are not read")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise _LeftOutError("is damaged") from error
    if root.tag != f"{{{SVG_NAMESPACE}}}svg":
        raise _LeftOutError("is not a PNG, JPEG or SVG image")
    for element in root.iter():
        if not _is_safe(element.tag, element.attrib, element.text or ""):
            raise _LeftOutError("has a script or refers to something outside itself")
    ElementTree.register_namespace("", SVG_NAMESPACE)
    clean: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    _check_vector(clean)
    return clean


def _is_safe(tag: str, attributes: Mapping[str, str], text: str) -> bool:
    names = {name.rpartition("}")[2].lower(): value for name, value in attributes.items()}
    return not (
        tag.rpartition("}")[2].lower() in SVG_REFUSED
        or any(name.startswith("on") or URL.search(value) for name, value in names.items())
        or any(not INSIDE.match(names[name].strip()) for name in ("href", "src") if name in names)
        or (tag.rpartition("}")[2].lower() == "style" and URL.search(text))
    )


def _check_vector(data: bytes) -> None:
    """Refuse an SVG image that Typst cannot draw: the whole document would fail."""
    import tempfile

    import typst

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "image.svg").write_bytes(data)
        Path(folder, "page.typ").write_text('#image("image.svg")')
        try:
            typst.compile(f"{folder}/page.typ", root=folder, ignore_system_fonts=True)
        except typst.TypstError as error:
            raise _LeftOutError("is damaged") from error
