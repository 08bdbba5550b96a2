"""Every number of the document as JSON."""

import json

from jobs.report.records import Records
from jobs.report.render import numbers
from jobs.report.submission import submission
from tests.jobs.report.synthetic import make_records, make_training


def test_trainings_tables_and_observations_are_there(full_records: Records) -> None:
    results = json.loads(numbers.write(submission(full_records).data, full_records))
    training = results["trainings"][0]
    assert training["setting"] == "1"
    assert training["final_test_mse"] == full_records.trainings[0].final_test_mse
    assert {"table-summary", "table-digits"} <= {table["id"] for table in results["tables"]}
    gain = next(o for o in results["observations"] if o["claim"] == "gain over PCA")
    low, high = gain["numbers"]["setting 1"]["interval"]
    assert low < gain["numbers"]["setting 1"]["value"] < high


def test_what_is_not_finite_is_null() -> None:
    records = make_records(make_training("1", final_test_mse=float("nan")))
    results = json.loads(numbers.write(submission(records).data, records))
    assert results["trainings"][0]["final_test_mse"] is None
