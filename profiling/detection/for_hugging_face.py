"""A bundle in the layout of the Hugging Face hub: ``README.md`` and the bundle in one folder.

README.md   the model card, whose head of YAML the hub reads
bundle/     the files of the bundle, verified whenever they are loaded

    save_pretrained(bundle, "my-detector", license="apache-2.0")
    bundle = from_pretrained("my-detector")             # a folder
    bundle = from_pretrained("somebody/my-detector")    # a repository of the hub; needs the extra ``hub``

Nothing in it is a pickle. To publish it: ``huggingface_hub.upload_folder(repo_id=…, folder_path="my-detector")``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.bundle_files import BUNDLE, FILES, MANIFEST, SIGNATURE
from pathprint.profiling.detection.hub_card import card
from pathprint.profiling.errors import BundleError, MissingExtraError, OptionsError
from pathprint.profiling.writing.places import check_folder
from pathprint.profiling.writing.whole import whole_file

CARD, FOLDER = "README.md", "bundle"


def save_pretrained(
    bundle: Bundle | str | Path,
    folder: str | Path,
    *,
    license: str = "",  # noqa: A002  # so it is called in the hub's cards
    figures: Mapping[str, Any] | None = None,
) -> Bundle:
    """Write a bundle with a model card into ``folder``; what else is there stays. Return it with its checksum.

    It is written anew, without a signature: sign the folder ``bundle`` in ``folder``.

    Args:
        bundle: what ``pathprint.fit`` returned, or the folder that it was saved in.
        license: the hub's name of a licence, such as ``apache-2.0``; left out of the card if it is empty.
        figures: what ``pathprint evaluate --json`` printed, or ``Report.to_dict()``; they become a table of the card
            and the hub's ``model-index``.

    Raises:
        BundleError: the bundle cannot be read, or the figures are those of another network.
        OutputError: the folder cannot be written.
    """
    made = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
    place = Path(folder)
    check_folder(place / FOLDER, BUNDLE)
    text = card(made.detector, place.resolve().name, license, figures)  # before anything is written
    saved = made.save(place / FOLDER)
    with whole_file(place / CARD) as partial:
        partial.write_text(text, encoding="utf-8")
    return saved


def from_pretrained(
    name: str | Path,
    *,
    revision: str | None = None,
    folder: str | Path | None = None,
    trusted_keys: Sequence[str | Path] | None = None,
    **options: Any,
) -> Bundle:
    """Load and verify the bundle in a folder, or in a repository of the hub.

    Args:
        name: a folder that ``save_pretrained`` wrote; if there is none of that name, a repository ``owner/name``.
        revision: of the repository: a branch, a tag, or a commit.
        folder: where a downloaded bundle is kept; the default is a place in the hub's own cache.
        trusted_keys: files of public keys, one of which must have signed the bundle; None asks for no signature. Give
            them, or a commit as ``revision``, where it matters whose bundle it is: checksums are no signature.
        options: for ``huggingface_hub.snapshot_download``, such as ``token``; like ``revision`` and ``folder``, only
            for a repository.

    Raises:
        MissingExtraError: there is no such folder, and huggingface_hub is not installed; or a signature is asked for,
            and the extra ``sign`` is not installed.
        BundleError: there is no such repository, it or the folder holds no bundle that can be read, or none of the
            trusted keys has signed it.
        OptionsError: a file of ``trusted_keys`` holds no public key that can be used, or what is only for a repository
            is given with a folder.
    """
    local = Path(name)
    if local.is_dir():
        _check_nothing_is_asked_of_a_folder(local, {"revision": revision, "folder": folder, **options})
        kept = local / FOLDER if (local / FOLDER).is_dir() else local
    else:
        kept = _downloaded(str(name), revision, folder, options) / FOLDER
    return load_bundle(kept, trusted_keys=trusted_keys)


def _check_nothing_is_asked_of_a_folder(local: Path, options: Mapping[str, Any]) -> None:
    given = ", ".join(f"`{name}`" for name, value in options.items() if value is not None)
    if given:
        raise OptionsError(
            f"{given}: only for a repository of the Hugging Face hub, and there is a folder {local}; leave that out to "
            "load the folder, or start where no folder has the name of the repository."
        )


def _downloaded(name: str, revision: str | None, folder: str | Path | None, options: Mapping[str, Any]) -> Path:
    """Download the files of a bundle and its card, and nothing else that is in the repository."""
    try:
        import huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingExtraError(
            f"there is no folder {name!r}, and a repository of the Hugging Face hub needs huggingface_hub, which "
            f"cannot be imported ({error}): pip install 'pathprint[hub]'."
        ) from error
    wanted = [CARD, *(f"{FOLDER}/{file}" for file in (MANIFEST, SIGNATURE, *FILES))]
    try:
        # A plain folder: the hub's cache has links in place of files, which a bundle must not have.
        kept = folder or huggingface_hub.cached_assets_path("pathprint", name, revision or "main")
        found = huggingface_hub.snapshot_download(
            name, revision=revision, local_dir=kept, allow_patterns=wanted, **options
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise BundleError(
            f"{name} is neither a folder nor a repository of the Hugging Face hub that can be downloaded: "
            f"{' '.join(str(error).split())}"
        ) from error
    return Path(found)
