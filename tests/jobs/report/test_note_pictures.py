"""The images of the notes: which are shown, and that none brings in anything else."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.report import pictures
from jobs.report.pictures import read_pictures

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'
HARMLESS = """<?xml version="1.0"?><?xml-stylesheet href="https://example.org/a.css"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<!-- made by a program --><svg xmlns="http://www.w3.org/2000/svg"
xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"><defs><g id="a">
<rect width="4" height="4" fill="url(#b)"/></g><linearGradient id="b"/></defs>
<style>rect { fill: url(#b) }</style><use xlink:href="#a"/></svg>"""


def picture(width: int, height: int, kind: str, **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def reason(folder: Path, address: str) -> str:
    found = read_pictures(f"![](<{address}>)", folder)
    (why,) = found.left_out.values()
    assert not found.files
    return why


@pytest.mark.parametrize(
    ("name", "content", "start"),
    [
        ("a.png", picture(30, 20, "PNG"), b"\x89PNG"),
        ("a b.jpeg", picture(30, 20, "JPEG"), b"\xff\xd8\xff"),
        ("below/a.svg", HARMLESS.encode(), b"<?xml"),
        ("named-wrongly.png", picture(30, 20, "JPEG"), b"\xff\xd8\xff"),
    ],
)
def test_an_image_beside_the_notes_is_shown(
    tmp_path: Path, name: str, content: bytes, start: bytes
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / name).write_bytes(content)
    text = f"![words](<{name}>)"
    found = read_pictures(text, tmp_path)
    ((file, data),) = found.files.items()
    assert list(found.places.values()) == [file]
    assert data.startswith(start)
    assert read_pictures(text, tmp_path).files == found.files


def test_a_later_build_finds_the_images_in_the_document_s_folder(tmp_path: Path) -> None:
    given, written = tmp_path / "given", tmp_path / "written"
    (given / "below").mkdir(parents=True)
    (given / "below" / "a.svg").write_text(HARMLESS)
    (given / "b.png").write_bytes(picture(30, 20, "PNG"))
    text = "![](below/a.svg) ![](b.png)"
    found = read_pictures(text, given)
    for file, data in found.files.items():
        (written / file).parent.mkdir(parents=True, exist_ok=True)
        (written / file).write_bytes(data)
    assert read_pictures(text, written) == found


def test_nothing_but_pixels_is_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held upright
    exif[0x010E] = "where I live"
    (tmp_path / "a.jpg").write_bytes(picture(30, 20, "JPEG", exif=exif) + b"where I live")
    ((_, data),) = read_pictures("![](a.jpg)", tmp_path).files.items()
    assert b"where I live" not in data
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (20, 30)
        assert not image.getexif()


def test_nothing_but_the_drawing_is_kept_of_svg(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(HARMLESS)
    ((_, data),) = read_pictures("![](a.svg)", tmp_path).files.items()
    for words in (b"example.org", b"DOCTYPE", b"made by"):
        assert words not in data


def test_large_images_are_scaled_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_SIDE", 50)
    (tmp_path / "a.png").write_bytes(picture(100, 60, "PNG"))
    ((_, data),) = read_pictures("![](a.png)", tmp_path).files.items()
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (50, 30)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("none.png", "there is no such file"),
        ("folder", "there is no such file"),
        ("../secret.png", "is outside the folder"),
        ("link.png", "is outside the folder"),
        ("..%2Fsecret.png", "is outside the folder"),
        ("https://example.org/a.png", "is not a file beside the notes"),
        ("//example.org/a.png", "is not a file beside the notes"),
        ("data:image/png;base64,AAAA", "is not a file beside the notes"),
        ("a%00.png", ""),
        ("n" * 300 + ".png", ""),
        ("short.png", "is damaged"),
        ("picture.gif", "is not a PNG, JPEG or SVG image"),
        ("page.svg", "is not a PNG, JPEG or SVG image"),
        ("half.svg", "is damaged"),
        ("entity.svg", "declares entities"),
    ],
)
def test_an_image_that_cannot_be_shown_is_named(tmp_path: Path, address: str, why: str) -> None:
    folder = tmp_path / "notes"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(picture(30, 20, "PNG"))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "short.png").write_bytes(picture(30, 20, "PNG")[:300])
    (folder / "picture.gif").write_bytes(picture(30, 20, "GIF"))
    (folder / "page.svg").write_text("<html><svg></svg></html>")
    (folder / "half.svg").write_text(HARMLESS[:-20])
    (folder / "entity.svg").write_text('<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("&a;"))
    assert why in reason(folder, address)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<foreignObject><p/></foreignObject>",
        '<rect onclick="alert(1)"/>',
        '<image href="https://example.org/a.png"/>',
        '<image href="/etc/passwd"/>',
        '<image href="data:image/svg+xml,x"/>',
        '<a href="javascript:alert(1)"/>',
        '<use xmlns:x="http://www.w3.org/1999/xlink" x:href="b.svg#a"/>',
        '<rect fill="url(https://example.org/a.svg#b)"/>',
        "<rect style=\"fill: url( '//example.org/a')\"/>",
        "<style>@import 'https://example.org/a.css';</style>",
    ],
)
def test_svg_with_a_script_or_an_outer_reference_is_left_out(tmp_path: Path, inside: str) -> None:
    (tmp_path / "a.svg").write_text(SVG.format(inside))
    assert "has a script or refers to something outside" in reason(tmp_path, "a.svg")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(picture(30, 20, "PNG"))
    monkeypatch.setattr(pictures, "MAX_PIXELS", 599)
    assert "million pixels" in reason(tmp_path, "a.png")
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    assert "is larger than" in reason(tmp_path, "a.png")
    monkeypatch.setattr(pictures, "MAX_PICTURES", 0)
    assert "only the first 0" in reason(tmp_path, "a.png")
