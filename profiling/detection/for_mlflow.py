"""A bundle as a model of MLflow (extra ``mlflow``): saved, logged and served as a pyfunc.

    save_model("my-bundle", "model")
    mlflow.pyfunc.load_model("model").predict(pandas.DataFrame({"image": [png_bytes]}))

MLflow keeps the bundle as it is, beside the name of this module, which loads it: there is no pickle in the model.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pathprint.models.errors import ImageError
from pathprint.models.preprocessing import decode, to_image
from pathprint.profiling.detection.bundle import Bundle, load_bundle
from pathprint.profiling.detection.detector import Verdict
from pathprint.profiling.detection.together import AT_ONCE, examine_together
from pathprint.profiling.errors import DataError, MissingExtraError, OptionsError

IMAGE = "image"
"""Name of the column of images: the bytes of a PNG, JPEG, BMP or WebP file each."""
_COLUMNS = {
    "decision": "string",
    "label": "string",
    "confidence": "double",
    "flagged": "boolean",
    "score": "double",
    "threshold": "double",
    "p_value": "double",
    "test": "string",
    "stage": "long",
    "inferences": "long",
    "reason": "string",
}
"""Columns of an answer and their types, by MLflow's names."""


def save_model(bundle: Path | str, path: Path | str, **options: Any) -> None:
    """Write a bundle as a model of MLflow into a new folder.

    Args:
        bundle: a folder that ``Bundle.save`` wrote.
        path: a folder that does not exist.
        options: for ``mlflow.pyfunc.save_model``, such as ``metadata``.

    Raises:
        MissingExtraError: MLflow or pandas is not installed.
        BundleError: the folder holds no bundle that can be read.
    """
    load_mlflow().pyfunc.save_model(path=str(path), **_model(bundle, options))


def log_model(bundle: Path | str, name: str = "detector", **options: Any) -> Any:
    """Log a bundle as a model of the current run of MLflow; return MLflow's description of it.

    Args:
        bundle: a folder that ``Bundle.save`` wrote.
        options: for ``mlflow.pyfunc.log_model``, such as ``registered_model_name``.

    Raises:
        MissingExtraError: MLflow or pandas is not installed.
        BundleError: the folder holds no bundle that can be read.
    """
    return load_mlflow().pyfunc.log_model(name=name, **_model(bundle, options))


def _model(folder: Path | str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what MLflow needs to keep and to load a bundle, after loading it once; the golden image is its example."""
    import pandas
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    bundle = load_bundle(folder)
    golden = io.BytesIO()
    to_image(bundle.golden).save(golden, "PNG")
    inputs, outputs = {IMAGE: "binary"}, _COLUMNS
    schemas = [Schema([ColSpec(kind, name) for name, kind in columns.items()]) for columns in (inputs, outputs)]
    return {
        "loader_module": __name__,
        "data_path": str(Path(folder).resolve()),
        "signature": ModelSignature(*schemas),
        "input_example": pandas.DataFrame({IMAGE: [golden.getvalue()]}),
        "pip_requirements": [f"pathprint[mlflow]=={version('pathprint')}"],
        **options,
        "metadata": {"pathprint_bundle_sha256": bundle.sha256, **(options.get("metadata") or {})},
    }


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Verdicts:
    """Return the model in a folder; MLflow calls this by its name.

    Raises:
        BundleError: the bundle is damaged.
        OptionsError: there is a configuration, which could change nothing.
    """
    _check_nothing_is_asked(model_config)
    return Verdicts(load_bundle(path))


class Verdicts:
    """A bundle as MLflow asks it: a table of images in, a table of verdicts out."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return a pandas table with a row of verdict for each row of images.

        Args:
            model_input: a pandas table with a column ``image`` of bytes.
            params: nothing; MLflow leaves them out itself, because the signature of the model has none.

        Raises:
            OptionsError: there are ``params``.
            DataError: there is no such column, or an image cannot be decoded; the message names its row.
        """
        import pandas

        _check_nothing_is_asked(params)
        if IMAGE not in getattr(model_input, "columns", ()):
            raise DataError(f"there is no column {IMAGE!r}; give a pandas table whose column {IMAGE!r} holds bytes.")
        contents = list(model_input[IMAGE])
        found = [verdict for start in range(0, len(contents), AT_ONCE) for verdict in self._some(contents, start)]
        return pandas.DataFrame([_row(verdict) for verdict in found], columns=list(_COLUMNS))

    def get_raw_model(self) -> Bundle:
        """Return the bundle; MLflow's models have a method of this name."""
        return self.bundle

    def _some(self, contents: list[Any], start: int) -> list[Verdict]:
        """Return verdicts on the images from row ``start`` on, as many as are examined at once."""
        preprocessing = self.bundle.detector.network.preprocessing
        rows = range(start, min(start + AT_ONCE, len(contents)))
        images = [_image(row, contents[row]) for row in rows]
        return examine_together(self.bundle.detector, [preprocessing.pixels(image) for image in images])


def _check_nothing_is_asked(options: Mapping[str, Any] | None) -> None:
    if options:
        names = ", ".join(f"`{name}`" for name in options)
        raise OptionsError(f"{names}: without effect on a bundle, whose detector is finished; leave out what has none.")


def _image(row: int, content: Any) -> Any:
    try:
        return decode(bytes(content))
    except (ImageError, TypeError, ValueError) as error:
        raise DataError(f"the image in row {row}: {error}") from error


def _row(verdict: Verdict) -> dict[str, Any]:
    said = verdict.layers[0].text if verdict.layers else ""
    return {name: getattr(verdict, name) for name in _COLUMNS if name != "reason"} | {"reason": verdict.note or said}


def load_mlflow() -> Any:
    """Return the mlflow package with its pyfunc models.

    Raises:
        MissingExtraError: MLflow or pandas is not installed.
    """
    try:
        import mlflow.pyfunc
        import pandas  # noqa: F401  # pyfunc needs it, and a small MLflow does not bring it
    except ImportError as error:
        raise MissingExtraError(
            f"models of MLflow need mlflow and pandas, which cannot be imported ({error}): pip install "
            "'pathprint[mlflow]'."
        ) from error
    return mlflow
