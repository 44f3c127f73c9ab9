"""Simulated upstreams over real HTTP, with fault knobs; knows nothing of the rest."""

from sandbox.server import Box, serving

__all__ = ["Box", "serving"]
