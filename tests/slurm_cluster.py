"""A Slurm of two nodes on this machine, for the tests: a controller and two daemons, as root."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

CONFIGURATION = """\
ClusterName=two
SlurmctldHost={host}
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SlurmdTimeout=10
KillWait=3
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
NodeName=n1 NodeHostname={host} Port={first} CPUs=1 RealMemory=1000 State=UNKNOWN
NodeName=n2 NodeHostname={host} Port={second} CPUs=1 RealMemory=1000 State=UNKNOWN
PartitionName=low Nodes=n1,n2 Default=YES PriorityTier=1 MaxTime=INFINITE State=UP
PartitionName=high Nodes=n1,n2 PriorityTier=10 MaxTime=INFINITE State=UP
"""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")


def missing():
    """Why there can be no Slurm here; empty if there can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "its daemons need root"


class Slurm:
    """The cluster while it is up. A context manager."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.configuration = folder / "slurm.conf"
        ports = dict(zip(("port", "first", "second"), free_ports(3), strict=True))
        text = CONFIGURATION.format(host=socket.gethostname(), folder=folder, **ports)
        self.configuration.write_text(text)
        for name in ("state", "spool-n1", "spool-n2"):
            (folder / name).mkdir()
        self._daemons = {}

    def __enter__(self):
        os.environ["SLURM_CONF"] = str(self.configuration)
        start_munge()
        self._start("controller", "slurmctld", "-D", "-f", str(self.configuration))
        for node in ("n1", "n2"):
            self.start_node(node)
        self.wait(lambda: self.ask("sinfo", "-h", "-p", "low", "-t", "idle", "-o", "%D") == "2")
        return self

    def __exit__(self, *_):
        self.ask("scancel", "--user", "root")
        for daemon in reversed(self._daemons.values()):
            daemon.kill()
            daemon.wait()
        subprocess.run(["pkill", "-9", "-f", f"slurmstepd.*|{self.folder}"], check=False)
        del os.environ["SLURM_CONF"]

    def start_node(self, node):
        self._start(node, "slurmd", "-D", "-f", str(self.configuration), "-N", node)

    def kill_node(self, node):
        """Kill the daemon of a node, and all that it was running, as a loss of power does."""
        self._daemons[node].kill()
        self._daemons[node].wait()
        processes = running_below(self.folder / f"spool-{node}")
        for signal in (19, 9):  # stopped first, so that none can tell of the end of another
            for pid in processes:
                os.kill(pid, signal)

    def hurry(self):
        """Begin now what Slurm, after two minutes of grace, would begin again."""
        for task in self.ask("squeue", "-h", "-r", "-t", "PD", "-o", "%i %r").splitlines():
            name, _, reason = task.partition(" ")
            if reason == "BeginTime":
                self.ask("scontrol", "update", f"JobId={name}", "StartTime=now")

    def ask(self, *command):
        """Return what a command of Slurm prints."""
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def wait(self, holds, seconds=60):
        """Wait until `holds()`; fail when it does not come to that."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.ask("squeue") + self.ask("sinfo")
            time.sleep(0.2)

    def _start(self, name, *command):
        with (self.folder / f"{name}.out").open("w") as log:
            self._daemons[name] = subprocess.Popen(command, stdout=log, stderr=log)


def start_munge():
    """Start munge, by which Slurm's parts know each other, unless it is up."""
    if subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode == 0:
        return
    Path("/run/munge").mkdir(exist_ok=True)
    for folder in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
        shutil.chown(folder, "munge", "munge")
    subprocess.run(["runuser", "-u", "munge", "--", "munged", "--force"], check=True)


def running_below(spool):
    """The processes whose script or step came from the spool folder of a node."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                environment = (process / "environ").read_bytes()
                line = (process / "cmdline").read_bytes()
            except OSError:
                continue
            node = spool.name.removeprefix("spool-").encode()
            if f"SLURMD_NODENAME={node.decode()}".encode() in environment or (
                line.startswith(b"slurmstepd") and str(spool).encode() in environment
            ):
                found.append(int(process.name))
    return found


def free_ports(n):
    """`n` ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
