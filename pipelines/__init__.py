"""The shells of the night: feeds and sources, warehouse, stages, documents, command line and orchestrator."""

import os

os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")
"""Memory that one frame gives back serves the next for some seconds, instead of being cleared by the system each time."""
