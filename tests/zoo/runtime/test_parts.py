"""Parts of a batch: the same result in any parts, and fewer images at once where memory ends."""

import pytest
import torch

from core.errors import is_out_of_memory
from core.listener import Silent
from tests.zoo.training.cases import TINY
from zoo.members import with_settings
from zoo.models import build
from zoo.runtime.folding import fold_batch_norms
from zoo.runtime.parts import Parts

CPU = torch.device("cpu")


class Heard(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text, do=None):
        self.notes.append(text)


class Small:
    """Device that holds `most` images."""

    def __init__(self, most, error):
        self.most, self.error, self.sizes = most, error, []

    def __call__(self, images):
        self.sizes.append(len(images))
        if len(images) > self.most:
            raise self.error
        return 2 * images


@pytest.mark.parametrize("error", [RuntimeError("can't allocate memory"), torch.OutOfMemoryError("no"), MemoryError()])
def test_a_part_that_does_not_fit_is_halved_once_and_for_all(error):
    images, heard, small = torch.arange(11.0).view(11, 1, 1), Heard(), Small(2, error)
    parts = Parts(CPU, heard, "m fold 0")
    parts._sizes[1] = 8
    assert torch.equal(parts.apply(small, images), 2 * images)
    assert small.sizes == [8, 4, 2, 2, 2, 2, 2, 2]  # the last image beside itself
    assert len(heard.notes) == 2
    assert "m fold 0: 8 images of 1 pixels do not fit the memory of cpu; goes on with 4" in heard.notes
    small.sizes.clear()
    parts.apply(small, images)
    assert max(small.sizes) == 2


def test_a_single_image_that_does_not_fit_and_any_other_error_end_it():
    images = torch.zeros(4, 1, 1)
    with pytest.raises(MemoryError):
        Parts(CPU).apply(Small(0, MemoryError()), images)
    with pytest.raises(RuntimeError, match="shape"):
        Parts(CPU).apply(Small(0, RuntimeError("shape")), images)
    assert not is_out_of_memory(ValueError("out of memory"))


def test_a_cpu_takes_as_many_images_as_its_caches_hold():
    sizes = {side: Small(99, None) for side in (128, 256, 512, 1024)}
    for side, small in sizes.items():
        Parts(CPU).apply(small, torch.zeros(20, side, side))
    assert {side: small.sizes[0] for side, small in sizes.items()} == {128: 16, 256: 4, 512: 1, 1024: 1}


def test_a_card_takes_what_its_free_memory_holds(monkeypatch):
    """The first image tells what one takes."""
    held = iter([1000, 1500])
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: next(held))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: next(held))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4400, 8000))
    small = Small(99, None)
    Parts(torch.device("cuda")).apply(small, torch.zeros(16, 1, 1))
    assert small.sizes == [1, 7, 7, 2]


@torch.inference_mode()
@pytest.mark.parametrize("together", [2, 3, 4, 9])
def test_an_image_has_the_same_bits_alone_and_beside_others(together):
    torch.manual_seed(0)
    network = build(with_settings(TINY, {})).eval().to(memory_format=torch.channels_last)
    images = torch.rand(together, 1, 3, 256, 256)
    folded = fold_batch_norms(network, images[:1])
    found = Parts(CPU).apply(folded, images)
    for number in range(together):
        assert torch.equal(Parts(CPU).apply(folded, images[number : number + 1]), found[number : number + 1])
