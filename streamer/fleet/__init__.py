"""The control plane of the edges."""
