"""The digits network as the subject of every study."""

import pytest

from pathprint.profiling.data.datasets import Dataset
from pathprint.profiling.paths.extraction import Extractor
from pathprint.profiling.studies.subject import Subject


@pytest.fixture(scope="session")
def subject(extractor: Extractor, digits: Dataset) -> Subject:
    return Subject(extractor, digits, per_class=12)
