"""The two servers a person may open: dashboards and orchestrator, both on this machine only."""

import os
import subprocess
import sys
from pathlib import Path

from pipelines.workspace import PROJECT, OrderhouseError, Workspace


def dashboard(workspace: Workspace, port: int) -> None:
    """Serve the dashboards until interrupted."""
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(PROJECT / "dashboards" / "app.py"),
        "--server.port",
        str(port),
    ]
    _serve(command, workspace, f"Dashboards of {workspace.root}: http://127.0.0.1:{port}", {})


def dagster(workspace: Workspace, port: int) -> None:
    """Serve the orchestrator with its schedule and sensor until interrupted."""
    from pipelines.orchestrated import ready

    command = [str(Path(sys.executable).parent / "dagster"), "dev", "-w", str(PROJECT / "workspace.yaml")]
    command += ["-h", "127.0.0.1", "-p", str(port)]
    _serve(
        command,
        workspace,
        f"Dagster of {workspace.root}: http://127.0.0.1:{port}",
        {"DAGSTER_HOME": str(ready(workspace))},
    )


def _serve(command: list[str], workspace: Workspace, told: str, environment: dict[str, str]) -> None:
    print(told, flush=True)
    try:
        ended = subprocess.run(
            command,
            env={**os.environ, "ORDERHOUSE_WORKSPACE": str(workspace.root), **environment},
            cwd=PROJECT,
            check=False,
        )
    except KeyboardInterrupt:
        return
    if ended.returncode > 0:
        raise OrderhouseError("The server ended by itself; see its last lines above, or try another --port.")
