"""The report job: runs become records, records become sentences and a document."""
