"""What an OCSF Detection Finding (schema 1.5.0, class 2004) has to have."""

from __future__ import annotations

from typing import Any

_REQUIRED: dict[str, tuple[str, ...]] = {
    "": ("activity_id", "category_uid", "class_uid", "finding_info", "metadata", "severity_id", "time", "type_uid"),
    "metadata": ("product", "version"),
    "metadata.product": ("name", "vendor_name"),
    "finding_info": ("uid", "title"),
    "finding_info.analytic": ("type_id",),
}
"""Required members by the object that has them; those of lists are checked below."""


def check_finding(event: dict[str, Any]) -> None:
    """Assert the members that the schema requires, and that numbers and captions go together."""
    for where, names in _REQUIRED.items():
        found: Any = event
        for step in filter(None, where.split(".")):
            found = found[step]
        assert set(names) <= set(found), where
    assert (event["class_uid"], event["category_uid"], event["type_uid"]) == (2004, 2, 200401)
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["metadata"]["version"] == "1.5.0"
    assert event["severity"] == {3: "Medium", 4: "High"}[event["severity_id"]]
    assert event["confidence"] == {1: "Low", 3: "High"}[event["confidence_id"]]
    assert isinstance(event["time"], int)
    assert 10**12 < event["time"] < 10**13, "milliseconds since 1970"
    _check_lists(event)


def _check_lists(event: dict[str, Any]) -> None:
    for attack in event["finding_info"]["attacks"]:
        for part in ("tactic", "technique"):
            assert attack[part]["uid"].startswith("AML.T")
            assert attack[part]["name"]
    assert {attack["technique"]["uid"] for attack in event["finding_info"]["attacks"]} == {"AML.T0015", "AML.T0043"}
    for evidence in event["evidences"]:
        assert {"name", "type_id"} <= set(evidence["file"])
        for fingerprint in evidence["file"]["hashes"]:
            assert fingerprint["algorithm_id"] == 3
            assert len(bytes.fromhex(fingerprint["value"])) == 32
    for observable in event["observables"]:
        assert {"name", "type_id"} <= set(observable)
        assert observable["value"] == event["evidences"][0]["file"]["hashes"][0]["value"]
