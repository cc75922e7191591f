"""The notebook runs from top to bottom, and is stored without what it printed."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FILE = Path(__file__).parents[2] / "docs" / "notebook" / "digits.ipynb"


def test_it_is_stored_without_outputs() -> None:
    notebook = nbformat.read(FILE, 4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.slow
def test_it_runs_and_ends_with_what_it_promises(tmp_path: Path) -> None:
    notebook = nbformat.read(FILE, 4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=800, resources={"metadata": {"path": str(tmp_path)}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    shown = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert any("Adversarial" in one for one in shown)
    assert any(one.startswith("<svg") for one in shown)
    page = Path(code[-1].outputs[-1]["text"].strip())
    assert page.read_text().startswith("<!DOCTYPE html>")
