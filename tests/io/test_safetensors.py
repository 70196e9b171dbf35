"""The `safetensors` library reads what is saved, and its own files are told apart."""

import json

import numpy as np
import pytest
from files import small_trainer

import gdcore as gd

safetensors = pytest.importorskip("safetensors")
numpy_side = pytest.importorskip("safetensors.numpy")

MODELS = [gd.LinearModel(2), gd.MLP([3, 4, 5, 1], dtype="float64"), gd.Sequential(gd.Dense(2, 3, bias=False))]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_parameters_by_their_names(model, tmp_path):
    model.save(tmp_path / "model.gdc")
    found = numpy_side.load_file(tmp_path / "model.gdc")
    assert found.keys() == {name for name, _ in model.parameters()}
    for name, view in model.parameters():
        assert (found[name].dtype, found[name].shape) == (view.dtype, view.shape)
        assert found[name].tobytes() == view.tobytes()


def test_a_trainer_and_its_metadata(tmp_path):
    for optimizer in ("adam", gd.SGD(0.1)):  # SGD has no slots: a tensor of shape (0, n)
        trainer = small_trainer(optimizer)
        trainer.save(tmp_path / "run.gdc")
        with safetensors.safe_open(tmp_path / "run.gdc", "numpy") as file:
            metadata = file.metadata()
            slots = file.get_tensor("state.optimizer.slots")
        assert np.array_equal(slots, trainer.optimizer_state.slots)
        assert (metadata["format"], metadata["format_version"]) == ("gdcore", "1")
        assert json.loads(metadata["document"])["kind"] == "trainer"


def test_a_file_of_another_program(tmp_path):
    path = tmp_path / "other.safetensors"
    numpy_side.save_file({"a": np.zeros(3, "float32")}, path)
    with pytest.raises(gd.FileFormatError, match="has no metadata: it was not saved by gdcore"):
        gd.load(path)
    numpy_side.save_file({"a": np.zeros(3, "float32")}, path, {"format": "pt"})
    with pytest.raises(gd.FileFormatError, match=r"load them by safetensors\.numpy\.load_file"):
        gd.load(path)


def test_a_file_that_another_program_has_written_anew(tmp_path):
    """Its metadata are ours, its header is another: the checksum says so."""
    gd.LinearModel(2, seed=0).save(tmp_path / "model.gdc")
    with safetensors.safe_open(tmp_path / "model.gdc", "numpy") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) + 1 for name in file.keys()}  # noqa: SIM118
    numpy_side.save_file(tensors, tmp_path / "model.gdc", metadata)
    with pytest.raises(gd.FileFormatError, match="is damaged"):
        gd.load(tmp_path / "model.gdc")
