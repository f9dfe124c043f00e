"""Weights of members from held-out counts: one file a method, one registry line each."""

from ensemble.weights import best, greedy, logloss, search, stack, uniform
from ensemble.weights.registry import METHODS, Method

__all__ = ["METHODS", "Method", "best", "greedy", "logloss", "search", "stack", "uniform"]
