"""result.json is of its type, or is refused without its run being trained again."""

import pytest

from core.errors import Damaged, UserError
from core.signing import write_signed
from zoo.runs import Ref, RunName, Store

RESULT = {"format": 2, "member": "m", "fold": "0", "seed": 0, "epochs": 3, "dice": None, "stages": [{"epochs": 1}]}
CHANGES = [
    ({"seed": "0"}, "seed is '0', not a whole number"),
    ({"stages": [{"dice": 0.5}]}, r"stages\[0\] lacks epochs"),
    ({"candidates": {"x": "a"}}, "candidates that are no epochs"),
    ({"later": 1}, "has the key 'later', which this version does not know"),
    ({"format": 3}, "has format 3"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_result_of_another_kind_ends_the_command_and_is_not_torn(tmp_path, change, words):
    run = Store(tmp_path).run(Ref("m", "abc"), RunName("0"))
    run.write_result(RESULT)
    assert run.ended().result["epochs"] == 3
    write_signed(run.result, RESULT | change)
    with pytest.raises(UserError, match=rf"result\.json: .*{words}") as caught:
        run.ended()
    assert not isinstance(caught.value, Damaged)
