"""What decides the clock of the processors, as far as the system tells: governor, turbo, heat."""

from collections.abc import Iterable
from pathlib import Path

from arogya_bench.runtime.kernel_files import SYSTEM, read_number, read_text

CPU = Path("sys/devices/system/cpu")
CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")  # drivers of hwmon that read the processor
CPU_ZONES = ("x86_pkg_temp", "cpu", "soc", "tcpu")  # starts of the types of thermal zones of the processor


def governor(root: Path = SYSTEM) -> str | None:
    """What chooses the clock, such as performance; all names, if processors differ."""
    names = {read_text(path) for path in (root / CPU).glob("cpu*/cpufreq/scaling_governor")}
    return ", ".join(sorted(filter(None, names))) or None


def turbo(root: Path = SYSTEM) -> bool | None:
    """Whether the clock may rise above its nominal value while the chip is cool."""
    disabled = read_number(root / CPU / "intel_pstate/no_turbo")
    if disabled is not None:
        return disabled == 0
    boost = read_number(root / CPU / "cpufreq/boost")
    return None if boost is None else boost != 0


def hyper_threading(root: Path = SYSTEM) -> bool | None:
    """Whether two processors of the system share one core of the chip."""
    active = read_number(root / CPU / "smt/active")
    return None if active is None else active != 0


def frequency_mhz(root: Path = SYSTEM) -> float | None:
    """The highest clock of all processors at this moment."""
    paths = (root / CPU).glob("cpu*/cpufreq/scaling_cur_freq")
    highest = _highest(map(read_number, paths))
    return None if highest is None else highest / 1e3


def temperature_c(root: Path = SYSTEM) -> float | None:
    """The hottest sensor of the processors, in degrees Celsius; of the machine, if none is theirs."""
    zones = list((root / "sys/class/thermal").glob("thermal_zone*"))
    own = [zone for zone in zones if (read_text(zone / "type") or "").lower().startswith(CPU_ZONES)]
    hwmon = (root / "sys/class/hwmon").glob("hwmon*")
    sensors = [path for chip in hwmon if read_text(chip / "name") in CPU_SENSORS for path in chip.glob("temp*_input")]
    files = [*(zone / "temp" for zone in own), *sensors] or [zone / "temp" for zone in zones]
    highest = _highest(map(read_number, files))
    return None if highest is None else highest / 1e3


def heat_throttles(root: Path = SYSTEM) -> int | None:
    """How often processors have slowed down because of heat, since the system started."""
    counts = [read_number(path) for path in (root / CPU).glob("cpu*/thermal_throttle/*_throttle_count")]
    known = [count for count in counts if count is not None]
    return int(sum(known)) if known else None


def huge_pages(root: Path = SYSTEM) -> str | None:
    """Setting of transparent huge pages: always, madvise or never."""
    text = read_text(root / "sys/kernel/mm/transparent_hugepage/enabled") or ""
    return text.partition("[")[2].partition("]")[0] or None


def _highest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
