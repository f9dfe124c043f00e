"""What becomes a prediction: data, inputs, members, models, training, the prediction cache.

The only room that may import torch, and only in `models`, `training`, `losses`, `augment`, `geometry` and
`predict`.
"""
