"""The whole document of the full synthetic records, word by word, beside the one kept in `golden/`.

The document is a pure function of its records, so equality is the check. What is meant to change is
read as a diff: `python -m tests.jobs.report.test_golden` writes the document anew.
"""

import io
import json
import zipfile
from pathlib import Path

from jobs.report.records import Records
from jobs.report.render import typst
from jobs.report.render.typst import Submission, build
from tests.jobs.report.synthetic import make_full_records

GOLDEN = Path(__file__).with_name("golden") / "submission.json"


def content_of(submission: Submission) -> str:
    """Return the text and numbers of a document, JSON.

    Numbers have four digits: further ones depend on the threads and the make of the processor.
    """
    archive = zipfile.ZipFile(io.BytesIO(submission.files[typst.SOURCE]))
    content = json.loads(
        archive.read("submission.json"), parse_float=lambda text: float(f"{float(text):.4g}")
    )
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def test_the_document_is_the_golden_one(full_records: Records) -> None:
    assert content_of(build(full_records)) == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(content_of(build(make_full_records())), encoding="utf-8")
