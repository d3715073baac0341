"""Plays the module ``pynvml`` on a machine with NVIDIA devices, in the names and units of NVML."""

from dataclasses import dataclass, field
from types import SimpleNamespace


class NVMLError(Exception):
    """What the real module raises, whatever the reason."""


@dataclass(kw_only=True)
class Board:
    """A device: what it would answer; None is an answer that this device does not support."""

    name: str = "NVIDIA H200"
    uuid: str = "GPU-0a"
    total: int = 150_754_820_096  # bytes
    used: int = 600_000_000  # bytes
    compute: dict = field(default_factory=dict)  # bytes by process id
    graphics: dict = field(default_factory=dict)
    millijoules: int | None = 1_000_000
    degrees: int | None = 40
    reasons: int | None = 0x2  # application clocks are set


class NvmlStandIn:
    """The module, after ``nvmlInit``."""

    NVMLError = NVMLError

    def __init__(self, *boards, driver="580.65.06", cuda=13000):
        self.boards, self.driver, self.cuda = list(boards), driver, cuda

    def nvmlInit(self):  # noqa: N802
        pass

    def nvmlDeviceGetCount(self):  # noqa: N802
        return len(self.boards)

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        return self.boards[index]

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        return next(board for board in self.boards if board.uuid == uuid)

    def nvmlDeviceGetName(self, board):  # noqa: N802
        return board.name

    def nvmlDeviceGetUUID(self, board):  # noqa: N802
        return board.uuid.encode()  # earlier versions return bytes

    def nvmlDeviceGetMemoryInfo(self, board):  # noqa: N802
        return SimpleNamespace(total=board.total, used=board.used)

    def nvmlDeviceGetComputeRunningProcesses(self, board):  # noqa: N802
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in board.compute.items()]

    def nvmlDeviceGetGraphicsRunningProcesses(self, board):  # noqa: N802
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in board.graphics.items()]

    def nvmlDeviceGetTotalEnergyConsumption(self, board):  # noqa: N802
        return supported(board.millijoules)

    def nvmlDeviceGetTemperature(self, board, sensor):  # noqa: N802
        return supported(board.degrees)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, board):  # noqa: N802
        return supported(board.reasons)

    def nvmlSystemGetDriverVersion(self):  # noqa: N802
        return self.driver

    def nvmlSystemGetCudaDriverVersion_v2(self):  # noqa: N802
        return self.cuda


def supported(answer):
    if answer is None:
        raise NVMLError("Not Supported")
    return answer
