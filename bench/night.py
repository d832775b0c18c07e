"""One plain night in a process of its own, without the orchestrator."""

import sys
from datetime import date
from pathlib import Path

from pipelines.nightly import nightly
from pipelines.workspace import find

if __name__ == "__main__":
    run = nightly(find(Path(sys.argv[1])), date.fromisoformat(sys.argv[2]), lambda line: print(line, flush=True))
    sys.exit(0 if run.is_green else 3)
