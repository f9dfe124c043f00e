"""Channels of the registered inputs, for the ranking of features (zoo.data.feature_ranking)."""

from zoo.data.feature_ranking import input_channels
from zoo.data.features import Channel
from zoo.inputs.named import INPUTS


def registered_channels() -> dict[str, list[Channel]]:
    """Channels of every registered input, by its name."""
    entries = map(INPUTS.entry, INPUTS.names())
    return {
        one.name: input_channels(one.name, one.facts.bands, one.facts.channels, one.make, one.facts.from_ash)
        for one in entries
    }
