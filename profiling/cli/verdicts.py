"""Verdicts on image files, whether they are given here or by a service, and how people are told of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pathprint.profiling.errors import DataError, ServiceError, unreadable

if TYPE_CHECKING:
    from pathprint.app.client import Answer, Client, Refused
    from pathprint.profiling.detection.detector import Verdict

_TOGETHER = 64
"""Files that are held in memory while a service judges them."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about one image file: a verdict, or why there is none.

    Attributes:
        bundle_sha256: of the bundle that judged it.
        model: the name of the network.
    """

    path: Path
    verdict: Verdict | Answer | None = None
    error: str = ""
    bundle_sha256: str = ""
    model: str = ""

    def facts(self) -> dict[str, Any]:
        """Return the verdict as JSON-able data."""
        assert self.verdict is not None
        return self.verdict.to_dict()

    def event(self) -> dict[str, Any]:
        """Return the event on this image, which is flagged."""
        from pathprint.profiling.detection.ocsf import Flagged, detection_finding

        verdict = self.verdict
        assert verdict is not None
        numbers = ("confidence", "score", "threshold", "p_value", "stage", "inferences")
        shared = ("decision", "predicted", "label", "test", "reasons", *numbers)
        return detection_finding(
            Flagged(
                time=datetime.now(UTC),
                name=self.path.name,
                sha256=hashlib.sha256(self.path.read_bytes()).hexdigest(),
                bundle_sha256=self.bundle_sha256,
                model=self.model,
                note=verdict.note,
                request_id=getattr(verdict, "request_id", ""),
                **{name: getattr(verdict, name) for name in shared},
            )
        )


def here(bundle: Path, files: Sequence[Path], trusted_keys: Sequence[Path] | None = None) -> Iterator[Found]:
    """Judge files with a bundle, one by one: each is shown as soon as it is there.

    Raises:
        BundleError: the bundle cannot be read, or none of the trusted keys has signed it.
    """
    import pathprint
    from pathprint.profiling.threads import settle_threads

    loaded = pathprint.load_bundle(bundle, trusted_keys=trusted_keys)
    network = loaded.detector.network
    settle_threads(network.preprocessing)
    for path in files:
        try:
            (verdict,) = pathprint.detect(loaded, [path])
        except DataError as error:
            yield Found(path, error=str(error))
        else:
            yield Found(path, verdict, bundle_sha256=loaded.sha256, model=network.name)


def over_http(url: str, files: Sequence[Path]) -> Iterator[Found]:
    """Have a service judge files, several in one request.

    Raises:
        ServiceError: it cannot be reached, or does not answer for a reason that lies in no image.
    """
    from pathprint.app.client import Client, ClientError

    try:
        with Client(url) as client:
            yield from _asked(client, files)
    except ClientError as error:
        raise ServiceError(f"{url}: {error}") from error


def _asked(client: Client, files: Sequence[Path]) -> Iterator[Found]:
    """Ask for the verdicts on files; one that cannot be read has its place in the order nevertheless."""
    for start in range(0, len(files), _TOGETHER):
        read = [(path, _content(path)) for path in files[start : start + _TOGETHER]]
        answers = client.detect_all([data for _, data in read if isinstance(data, bytes)])
        for path, data in read:
            yield data if isinstance(data, Found) else _found(path, next(answers))


def _content(path: Path) -> bytes | Found:
    try:
        return path.read_bytes()
    except OSError as error:
        return Found(path, error=str(unreadable(path, error)))


def _found(path: Path, answer: Answer | Refused) -> Found:
    if isinstance(answer, Exception):
        return Found(path, error=f"{path}: {_going_on(str(answer))}")
    return Found(path, answer, bundle_sha256=answer.model.bundle_sha256, model=answer.model.name)


def _going_on(sentence: str) -> str:
    """Return a sentence as it stands after a colon: names such as JPEG keep their capitals."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def in_words(name: str, verdict: Verdict | Answer) -> str:
    """Return a verdict with its heaviest reasons as text for people; numbers that a service keeps back are left out."""
    sure = "" if verdict.confidence is None else f" ({verdict.confidence:.1%})"
    lines = [f"{name}: {verdict.decision.upper()}: answered '{verdict.label}'{sure}{_score(verdict)}"]
    lines += [f"    {reason}" for reason in verdict.reasons]
    return "\n".join([*lines, f"    note: {verdict.note}"] if verdict.note else lines)


def _score(verdict: Verdict | Answer) -> str:
    if verdict.score is None or verdict.threshold is None or verdict.p_value is None:
        return ""
    share = f"{verdict.p_value * 100:.1f} % of clean images score this high"
    rarity = f"only {share}" if verdict.flagged else share
    test = verdict.test.replace("_", " ")
    return f", score {verdict.score:.2f} by the test {test}, threshold {verdict.threshold:.2f}; {rarity}"
