"""Adapters every service may import."""
