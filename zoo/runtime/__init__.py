"""Run-time services of training, prediction and export: devices, precision, memory, prefetching, checkpoints.

Torch may be imported here. Stays outside: recipes, runs and their folders, the training loop.
"""
