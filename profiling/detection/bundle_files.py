"""The names of a bundle's files. Nothing heavy is imported here: the command line looks for them before it starts."""

from __future__ import annotations

from pathprint.profiling.writing.places import Form

MANIFEST = "manifest.json"
FILES = (
    "network.json",
    "network.safetensors",
    "signatures.safetensors",
    "detector.json",
    "detector.safetensors",
    "images.safetensors",
)
"""All files but the manifest, which has their checksums."""

BUNDLE = Form("bundle", frozenset({MANIFEST, *FILES}), MANIFEST, frozenset({"schema", "checksum", "files"}))
"""What a bundle is known by."""
