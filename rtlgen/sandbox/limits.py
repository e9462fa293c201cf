"""What one external command may use."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run; each must be above 0.

    The kernel sets CPU time, address space and file size per process (setrlimit(2)). Wall time, memory in use,
    processes and output are counted over the whole tree of processes every few milliseconds, disk use about once a
    second.
    """

    cpu_s: float = 60.0
    """CPU time of one process in seconds, rounded up to whole ones."""
    wall_s: float = 120.0
    """Time on the clock in seconds."""
    memory_mb: int = 4096
    """Address space of each process, and memory in use by all together, in MiB."""
    file_mb: int = 512
    """Size of each file that is written in MiB."""
    processes: int = 256
    """Processes at one time."""
    output_mb: int = 16
    """Standard output and standard error together in MiB."""
    disk_mb: int = 4096
    """Files in the run's folder and its private `/tmp` together in MiB."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not value > 0:
                raise ValueError(f"expected Limits.{item.name} above 0, got {value!r}")
