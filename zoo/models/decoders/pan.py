"""PAN: attention over a pyramid of the coarsest level (Li et al. 2018, arXiv 1805.10180), as smp has it."""

from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import Smp, smp_channels


# Widths: of every level.
@DECODERS.register("pan", widths=(32,), needs=(4, 8, 16, 16), output_stride=16, least=128, pools=True)
def pan(plan: Plan) -> nn.Module:
    """smp's PAN, on features that end at stride 16."""
    from segmentation_models_pytorch.decoders.pan.decoder import PANDecoder

    decoder = PANDecoder(smp_channels(plan), encoder_depth=5, decoder_channels=plan.widths[0])
    return Smp(decoder, plan.widths[0], plan)
