"""CIFAR-10 where it can be had, and one line where it can't; without any network."""

import sys
from types import ModuleType
from urllib.error import URLError

import numpy as np
import pytest
import torch

from descentlab.scale.cifar import cifar10


@pytest.fixture
def offer(monkeypatch):
    """Put a stand-in for torchvision's dataset in the place of the real one."""

    def put(dataset):
        datasets = ModuleType("torchvision.datasets")
        datasets.CIFAR10 = dataset
        package = ModuleType("torchvision")
        package.datasets = datasets
        monkeypatch.setitem(sys.modules, "torchvision", package)
        monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)

    return put


class Dataset:
    """Random images under torchvision's names, fewer to test on."""

    def __init__(self, root, train, download):
        assert download
        rng = np.random.default_rng(train)
        size = 60 if train else 20
        self.data = rng.integers(256, size=(size, 32, 32, 3), dtype=np.uint8)
        self.data[..., 2] //= 4  # a darker channel
        self.targets = list(range(10)) * (size // 10)


def test_without_torchvision_one_line_says_so(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    assert cifar10() is None
    said = capsys.readouterr().out
    assert "pip install torchvision" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    "error", [URLError("no network"), RuntimeError("file not found or corrupted")]
)
def test_without_the_data_one_line_says_so(offer, capsys, error):
    def fail(*args, **settings):
        raise error

    offer(fail)
    assert cifar10("data") is None
    said = capsys.readouterr().out
    assert "could not be downloaded" in said and said.count("\n") == 1


def test_images_come_scaled_and_in_torchs_order(offer, tmp_path):
    offer(Dataset)
    images, labels, unseen, answers = cifar10(tmp_path)
    assert images.shape == (60, 3, 32, 32) and unseen.shape == (20, 3, 32, 32)
    assert images.dtype == torch.float32 and labels.dtype == torch.int64
    torch.testing.assert_close(images.mean((0, 2, 3)), torch.zeros(3))
    torch.testing.assert_close(images.std((0, 2, 3)), torch.ones(3))
    raw = torch.from_numpy(Dataset(tmp_path, True, True).data[:, :, :, 2]).float()
    torch.testing.assert_close(images[:, 2], (raw - raw.mean()) / raw.std())
    assert answers.tolist() == list(range(10)) * 2


def test_images_to_test_on_are_scaled_like_those_to_learn_from(offer, tmp_path):
    offer(Dataset)
    _, _, unseen, _ = cifar10(tmp_path)
    seen, other = (
        Dataset(tmp_path, train, True).data[..., 0] for train in (True, False)
    )
    expected = torch.from_numpy((other - seen.mean()) / seen.std(ddof=1)).float()
    torch.testing.assert_close(unseen[:, 0], expected, rtol=1e-4, atol=1e-4)
