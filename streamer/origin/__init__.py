"""The origin: uploads, the videos API, manifests and media."""
