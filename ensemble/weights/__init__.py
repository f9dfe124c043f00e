"""Weights of members from held-out counts: one file a method, one registry line each."""
