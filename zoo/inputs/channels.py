"""Channels of the registered inputs, for the ranking of features (zoo.data.feature_ranking)."""

from zoo.data.feature_ranking import input_channels
from zoo.data.features import Channel
from zoo.inputs.named import INPUTS


def registered_channels() -> dict[str, list[Channel]]:
    """Channels of every registered input, by its name."""
    return {name: _channels(name) for name in INPUTS.names()}


def _channels(name: str) -> list[Channel]:
    facts = INPUTS.facts(name)
    return input_channels(name, facts.bands, facts.channels, INPUTS.get(name), facts.from_ash)
