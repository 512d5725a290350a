"""The packager: an upload becomes an adaptive HLS stream."""
