"""What the tests of the report share."""

import pytest

from jobs.report.records import Records
from tests.jobs.report.synthetic import make_full_records


@pytest.fixture(scope="session")
def full_records() -> Records:
    """The whole assignment: three settings of the assignment's recipe, one seed each."""
    return make_full_records()
