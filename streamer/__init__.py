"""Streamer: a self-hosted video CDN."""
