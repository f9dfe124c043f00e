"""COCO's run lengths: those of pycocotools for every mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from core.errors import UserError
from submissions import encode_coco


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.booleans()))
def test_pycocotools_reads_the_same_mask(mask):
    found = encode_coco(mask)
    assert sum(found["counts"]) == mask.size
    packed = coco.frPyObjects(found, *mask.shape)
    assert packed["counts"] == coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    assert (coco.decode(packed).astype(bool) == mask).all()


@pytest.mark.parametrize(
    ("mask", "words"),
    [(np.zeros((1, 2, 3)), "must be .height, width."), (np.full((2, 2), 0.5), "other than 0 and 1")],
)
def test_what_is_no_mask_is_refused(mask, words):
    with pytest.raises(UserError, match=words):
        encode_coco(mask)
