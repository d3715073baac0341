"""Files of /proc and /sys in a folder of a test, in the formats of the kernel."""

from pathlib import Path

TICKS = 100  # per second, in /proc/stat
OURS = 100  # the process that is measured


class SystemFiles:
    """A machine with 4 processors, a fixed clock and nothing to do; each test changes one thing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("proc/self/status", "Name:\tpython\nCpus_allowed_list:\t0-3\n")
        self.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Test CPU 9000\n")
        self.write("proc/meminfo", "MemTotal:       33554432 kB\nMemFree:        1 kB\n")
        self.write("proc/loadavg", "0.05 0.10 0.20 1/300 4242\n")
        self.processor_times(busy_s=1000.0)
        self.process(OURS, cpu_s=50.0)
        self.clock(governor="performance", no_turbo=1, smt=0)
        self.temperature(45)
        self.cgroup_v2(quota="max")
        self.write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")

    def write(self, name: str, text: object) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}", encoding="utf-8")
        return path

    def remove(self, *patterns: str) -> None:
        for pattern in patterns:
            for path in list(self.root.glob(pattern)):
                path.unlink()

    def processor_times(self, *, busy_s: float, steal_s: float = 0.0, processors: int = 4) -> None:
        """Write what the processors did; the first did all of it."""
        user, steal = round((busy_s - 4) * TICKS), round(steal_s * TICKS)
        first = f"cpu0 {user} {TICKS} {TICKS} 99999 50 {TICKS} {TICKS} {steal} 0 0"  # nice system … irq softirq
        rest = [f"cpu{number} 0 0 0 99999 0 0 0 0 0 0" for number in range(1, processors)]
        self.write("proc/stat", "\n".join(["cpu  1 2 3 4 5 6 7 8 0 0", first, *rest, "intr 5 0 0", "btime 1"]))

    def process(self, pid: int, *, cpu_s: float, ended_children_s: float = 0.0, children: str = "") -> None:
        """Write a process; half of its time is user time, half system time."""
        half, ended = round(cpu_s * TICKS / 2), round(ended_children_s * TICKS / 2)
        tail = f"S 1 1 1 0 -1 0 1234 0 0 0 {half} {half} {ended} {ended} 20 -5 1 0 1 1 1"
        self.write(f"proc/{pid}/stat", f"{pid} (a (odd) name) {tail}\n")
        self.write(f"proc/{pid}/task/{pid}/children", children)

    def clock(self, *, governor: str, no_turbo: int, smt: int) -> None:
        for number in range(4):
            self.write(f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor", f"{governor}\n")
            self.write(f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_cur_freq", 2_400_000 + number)
        self.write("sys/devices/system/cpu/intel_pstate/no_turbo", f"{no_turbo}\n")
        self.write("sys/devices/system/cpu/smt/active", f"{smt}\n")

    def temperature(self, degrees: float) -> None:
        self.write("sys/class/thermal/thermal_zone0/type", "acpitz\n")
        self.write("sys/class/thermal/thermal_zone0/temp", "99000\n")  # of the case, not of the processor
        self.write("sys/class/thermal/thermal_zone1/type", "x86_pkg_temp\n")
        self.write("sys/class/thermal/thermal_zone1/temp", f"{round(degrees * 1000)}\n")

    def cgroup_v2(self, *, quota: str, throttled_us: int = 0, memory: str = "max") -> Path:
        """Write a container: the quota on its own cgroup, the memory limit on the one above."""
        self.write("proc/self/cgroup", "0::/user.slice/job\n")
        self.write("proc/self/mountinfo", "30 1 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n")
        self.write("sys/fs/cgroup/user.slice/job/cpu.max", f"{quota} 100000\n")
        stat = f"usage_usec 5\nnr_periods 9\nnr_throttled 3\nthrottled_usec {throttled_us}\n"
        self.write("sys/fs/cgroup/user.slice/job/cpu.stat", stat)
        return self.write("sys/fs/cgroup/user.slice/memory.max", f"{memory}\n")

    def cgroup_v1(self, *, quota: int, throttled_ns: int = 0, memory: int = 2**63 - 4096) -> None:
        """Write a container of Docker, which sees its own cgroup at the top of what is mounted."""
        self.write("proc/self/cgroup", "4:memory:/docker/c0\n3:cpu,cpuacct:/docker/c0\n0::/docker/c0\n")
        mounts = [
            "31 1 0:27 /docker/c0 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
            "32 1 0:28 /docker/c0 /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
        ]
        self.write("proc/self/mountinfo", "\n".join(mounts))
        self.write("sys/fs/cgroup/memory/memory.limit_in_bytes", memory)
        self.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", quota)
        self.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", 100_000)
        self.write("sys/fs/cgroup/cpu,cpuacct/cpu.stat", f"nr_periods 1\nthrottled_time {throttled_ns}\n")
