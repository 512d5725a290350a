"""Deterministic clips made with ffmpeg's own sources."""
