"""Only one process writes a workspace at a time; a second one is told who does."""

import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pipelines.workspace import OrderhouseError, Workspace


class Locked(OrderhouseError):
    """Another run holds the workspace."""

    exit_code = 4


@contextmanager
def held(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace while the body runs; the system frees it when this process ends, however it ends.

    Raises:
        Locked: another process holds it; the message says which.
        OrderhouseError: the workspace cannot be written to.
    """
    try:
        workspace.warehouse.mkdir(parents=True, exist_ok=True)
        opened = (workspace.warehouse / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise OrderhouseError(
            f"{workspace.warehouse} cannot be written to ({error.strerror}); let this user write to {workspace.root}."
        ) from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Locked(_told(file.read(), workspace)) from None
        file.truncate(0)
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]]),  # noqa: PTH119
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        file.write(json.dumps(holder))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _told(text: str, workspace: Workspace) -> str:
    try:
        holder = json.loads(text)
    except json.JSONDecodeError:
        return f"Another run is at work in {workspace.root}; wait until it ends."
    return (
        f"Another run is at work in {workspace.root}: `{holder['command']}`, process {holder['pid']} on {holder['host']} "
        f"since {holder['since']}; wait until it ends."
    )
