"""SegFormer: a linear map of every level, fused at stride 4 (Xie et al. 2021, arXiv 2105.15203), as smp has it."""

from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import Smp, smp_channels


# Widths: of every level.
@DECODERS.register("segformer", widths=(256,), needs=(4, 8, 16, 32))
def segformer(plan: Plan) -> nn.Module:
    """smp's SegFormer decoder."""
    from segmentation_models_pytorch.decoders.segformer.decoder import SegformerDecoder

    decoder = SegformerDecoder(smp_channels(plan), segmentation_channels=plan.widths[0])
    return Smp(decoder, plan.widths[0], plan)
