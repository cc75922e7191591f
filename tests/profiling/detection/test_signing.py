"""A signature vouches for every byte of a bundle, by a key that is trusted, or the bundle is refused."""

from __future__ import annotations

import ast
import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from model_signing import hashing
from model_signing import signing as openssf
from model_signing.verifying import Config as Verifier

from pathprint.models.network import canonical_json
from pathprint.profiling.detection import signing
from pathprint.profiling.detection.bundle import checksum_of, load_bundle
from pathprint.profiling.detection.bundle_files import FILES, MANIFEST, SIGNATURE
from pathprint.profiling.detection.manifest import sealed, sha256_of
from pathprint.profiling.detection.signing import check_signature, public_keys, sign
from pathprint.profiling.errors import BundleError, MissingExtraError, OptionsError
from tests.profiling.detection.keys import KeyPair, key_pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"), "other")


@pytest.fixture
def signed(bundle_folder: Path, pair: KeyPair, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "signed"))
    sign(folder, pair.private)
    return folder


def reseal(folder: Path) -> None:
    """Write a manifest that fits the files as they are now: what an informed tamperer would do."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"] = {name: sha256_of(folder / name) for name in FILES}
    (folder / MANIFEST).write_bytes(canonical_json(sealed(manifest)))


def test_a_signed_bundle_is_accepted_with_and_without_its_key(signed: Path, pair: KeyPair, bundle_folder: Path) -> None:
    assert load_bundle(signed, trusted_keys=[pair.public]).sha256 == load_bundle(signed).sha256
    assert checksum_of(signed, [pair.public]) == checksum_of(bundle_folder)


def test_any_of_several_keys_will_do_and_no_other(signed: Path, pair: KeyPair, other: KeyPair) -> None:
    assert checksum_of(signed, [other.public, pair.public])
    with pytest.raises(
        BundleError, match=r"is by the key .*which is not trusted; trusted are the keys in .*other\.pub"
    ):
        checksum_of(signed, [other.public])


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_although_the_manifest_was_made_anew(signed: Path, pair: KeyPair, name: str) -> None:
    data = bytearray((signed / name).read_bytes())
    data[len(data) // 2] ^= 1
    (signed / name).write_bytes(data)
    with pytest.raises(BundleError, match="was changed"):
        checksum_of(signed, [pair.public])
    reseal(signed)
    assert checksum_of(signed)  # a checksum is no signature
    with pytest.raises(BundleError, match=f"is not what was signed: .*{name}"):
        checksum_of(signed, [pair.public])


def test_a_changed_manifest_is_refused_although_no_other_file_is(signed: Path, pair: KeyPair) -> None:
    manifest = json.loads((signed / MANIFEST).read_bytes())
    manifest["golden"]["score"] += 0.001
    (signed / MANIFEST).write_bytes(canonical_json(sealed(manifest)))
    assert checksum_of(signed)
    with pytest.raises(BundleError, match=f"is not what was signed: .*{MANIFEST}"):
        checksum_of(signed, [pair.public])


def text(data: Any) -> bytes:
    return json.dumps(data).encode()


def hinted(content: dict[str, Any], hint: object) -> bytes:
    return text({**content, "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []}})


def altered(content: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a signature whose statement was changed after it was signed."""
    statement = json.loads(base64.b64decode(content["dsseEnvelope"]["payload"]))
    change(statement)
    envelope = {**content["dsseEnvelope"], "payload": base64.b64encode(text(statement)).decode()}
    return text({**content, "dsseEnvelope": envelope})


FORGED: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "nothing": lambda content: b"",
    "no JSON": lambda content: b"signed, sealed, delivered",
    "no object": lambda content: b"[]",
    "deeply nested": lambda content: b"[" * 200_000,
    "too large": lambda content: text(content) + b" " * (1 << 20),
    "no key": lambda content: text({**content, "verificationMaterial": {}}),
    "a key without a hint": lambda content: hinted(content, None),
    "a hint that is none": lambda content: hinted(content, "release"),
    "no envelope": lambda content: text({**content, "dsseEnvelope": None}),
    "no signatures": lambda content: text({**content, "dsseEnvelope": {**content["dsseEnvelope"], "signatures": []}}),
    "another signature": lambda content: text(
        {**content, "dsseEnvelope": {**content["dsseEnvelope"], "signatures": [{"sig": "AAAA"}]}}
    ),
    "a changed statement": lambda content: altered(content, lambda found: found["subject"][0].update(name="x")),
    "a file less": lambda content: altered(content, lambda found: found["predicate"]["resources"].pop()),
    "another payload type": lambda content: text(
        {**content, "dsseEnvelope": {**content["dsseEnvelope"], "payloadType": "text/plain"}}
    ),
}


@pytest.mark.parametrize("kind", FORGED)
def test_what_is_no_signature_is_refused(signed: Path, pair: KeyPair, kind: str) -> None:
    content = json.loads((signed / SIGNATURE).read_bytes())
    (signed / SIGNATURE).write_bytes(FORGED[kind](content))
    with pytest.raises(BundleError, match=SIGNATURE):
        checksum_of(signed, [pair.public])
    assert checksum_of(signed), "without keys the signature is not read"


def test_a_signature_under_a_false_name_is_refused(signed: Path, pair: KeyPair, other: KeyPair) -> None:
    sign(signed, other.private)
    content = json.loads((signed / SIGNATURE).read_bytes())
    (signed / SIGNATURE).write_bytes(hinted(content, public_keys([pair.public])[0].id))
    with pytest.raises(BundleError, match="is not what was signed"):
        checksum_of(signed, [pair.public])


def test_a_signature_of_another_bundle_is_refused(signed: Path, pair: KeyPair, tmp_path: Path) -> None:
    newer = Path(shutil.copytree(signed, tmp_path / "newer"))
    facts = json.loads((newer / "detector.json").read_bytes())
    (newer / "detector.json").write_bytes(canonical_json({**facts, "tier": "other"}))
    reseal(newer)
    with pytest.raises(BundleError, match=r"is not what was signed: .*detector\.json"):
        checksum_of(newer, [pair.public])


@pytest.mark.parametrize("left_out", ["detector.json", ".", "signatures.safetensors"])
def test_a_signature_that_leaves_files_out_is_refused(signed: Path, pair: KeyPair, left_out: str) -> None:
    ignoring = hashing.Config().set_ignored_paths(paths=[SIGNATURE, left_out])
    signer = openssf.Config().set_hashing_config(ignoring).use_elliptic_key_signer(private_key=pair.private)
    signer.sign(signed, signed / SIGNATURE)
    with pytest.raises(BundleError, match=r"is not what was signed: .*Extra files"):
        checksum_of(signed, [pair.public])


@pytest.mark.parametrize("how", ["missing", "a folder", "a link"])
def test_a_signature_is_a_plain_file_in_the_bundle(signed: Path, pair: KeyPair, tmp_path: Path, how: str) -> None:
    (signed / SIGNATURE).rename(tmp_path / "elsewhere")
    if how == "a folder":
        (signed / SIGNATURE).mkdir()
    elif how == "a link":
        (signed / SIGNATURE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="is not signed" if how == "missing" else "is not a plain file"):
        checksum_of(signed, [pair.public])


def test_the_hosts_own_tool_accepts_ours_and_we_accept_its_signature(
    signed: Path, bundle_folder: Path, pair: KeyPair, tmp_path: Path
) -> None:
    Verifier().use_elliptic_key_verifier(public_key=pair.public).verify(signed, signed / SIGNATURE)
    beside = tmp_path / "beside.sig"
    openssf.Config().use_elliptic_key_signer(private_key=pair.private).sign(bundle_folder, beside)
    assert check_signature(bundle_folder, public_keys([pair.public]), beside).path == pair.public


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_every_allowed_curve_signs_also_with_a_password(signed: Path, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    pair = key_pair(tmp_path, "secret", ec.generate_private_key(curve), b"open sesame")
    with pytest.raises(OptionsError, match="holds no private key that can be used"):
        sign(signed, pair.private)
    with pytest.raises(OptionsError, match="holds no private key that can be used"):
        sign(signed, pair.private, b"close sesame")
    sign(signed, pair.private, b"open sesame")
    assert checksum_of(signed, [pair.public])
    assert {path.name for path in signed.iterdir()} == {MANIFEST, SIGNATURE, *FILES}


def unusable(folder: Path) -> dict[str, Path]:
    """Return a file for each kind of key that cannot be used."""
    pairs = {
        "RSA": key_pair(folder, "rsa", rsa.generate_private_key(65537, 1024)),
        "Ed25519": key_pair(folder, "ed", ed25519.Ed25519PrivateKey.generate()),
        "another curve": key_pair(folder, "curve", ec.generate_private_key(ec.SECP256K1())),
    }
    good = key_pair(folder, "good")
    (folder / "empty.pub").touch()
    (folder / "two.pub").write_bytes(good.public.read_bytes() * 2)
    (folder / "text.pub").write_text("ssh-ed25519 AAAA somebody")
    names = {"empty": "empty.pub", "two": "two.pub", "text": "text.pub", "none": "none.pub"}
    others = {kind: folder / name for kind, name in names.items()}
    return {kind: found.public for kind, found in pairs.items()} | {"private": good.private} | others


@pytest.mark.parametrize("kind", ["RSA", "Ed25519", "another curve", "private", "empty", "two", "text", "none"])
def test_files_without_a_usable_key_are_refused(tmp_path: Path, kind: str) -> None:
    path = unusable(tmp_path)[kind]
    with pytest.raises(OptionsError, match=f"{path.name} (holds no public key|cannot be read)"):
        public_keys([path])


def test_no_keys_at_all_trust_nobody(signed: Path) -> None:
    with pytest.raises(OptionsError, match="nobody could have signed"):
        checksum_of(signed, [])


def test_without_the_library_a_signature_cannot_be_asked_for(
    signed: Path, pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pathprint\[sign\]"):
        load_bundle(signed, trusted_keys=[pair.public])
    assert checksum_of(signed)


def test_the_library_is_imported_only_inside_functions() -> None:
    tree = ast.parse(Path(signing.__file__).read_text(encoding="utf-8"))
    named = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    named += [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    assert not {str(name).partition(".")[0] for name in named} & {"model_signing", "cryptography"}
