"""onnx: for ONNX Runtime and other engines; up to 2 GB."""

import torch
from torch import Tensor, nn

from core.errors import UserError
from zoo.export_formats import FORMATS, Answer
from zoo.export_formats._tensors import program


def _run(content: bytes) -> Answer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors are raised anyway
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda kelvin: session.run(["probability"], {"kelvin": kelvin})[0]


@FORMATS.register("onnx", run=_run, suffixes=(".onnx",))
def _write(module: nn.Module, example: Tensor, any_number: bool) -> bytes:
    import onnxruntime  # noqa: F401  missing libraries are found before minutes have passed
    import onnxscript  # noqa: F401

    exported = torch.onnx.export(
        program(module, example, any_number), input_names=["kelvin"], output_names=["probability"],
        dynamo=True, verbose=False,
    )  # fmt: skip
    assert exported is not None
    try:
        content: bytes = exported.model_proto.SerializeToString()
    except ValueError as error:  # protobuf's own limit
        raise UserError(f"one onnx file holds up to 2 GB ({error}); export one fold, or --format pt2") from error
    return content
