"""A SLURM of one node on this machine for tests: no systemd, no cgroups, no network but loopback."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil
from waiting import HANG, wait_for

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo", "scontrol")
# where Debian's SLURM looks; the plugin's job step drops SLURM_CONF, so that no other place will do
CONFIGURATION = Path("/etc/slurm/slurm.conf")
PREFIX = "stelnet-slurm-"

SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
# a job past its memory is killed, although there are no cgroups: its processes are looked at every second
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
# finished jobs stay in sight of squeue
MinJobAge=3600
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
# the numbers below count, not what slurmd finds; a node that was away comes back by itself
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=300
SchedulerParameters=sched_interval=1,sched_min_interval=50000,batch_sched_delay=0,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
EnforcePartLimits=ALL
KillWait=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
# on a machine that is slow or busy jobs may take longer than they ask for, but in one partition
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE OverTimeLimit=UNLIMITED State=UP DefMemPerCPU=500
PartitionName=gpu Nodes={host} MaxTime=INFINITE OverTimeLimit=UNLIMITED State=UP DefMemPerCPU=500
PartitionName=strict Nodes={host} MaxTime=INFINITE OverTimeLimit=0 State=UP DefMemPerCPU=500
"""


def missing() -> str | None:
    """Why no SLURM can be started here, or None."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"needs {', '.join(absent)}: apt-get install slurmctld slurmd slurm-client munge"
    if os.geteuid() != 0:
        return "a SLURM for tests can be started by root only"
    if CONFIGURATION.exists() and not left_behind():
        return f"a SLURM is configured here already ({CONFIGURATION})"
    return None


def left_behind() -> bool:
    """Whether the configuration is a link to that of a node that a killed test has left, and that is gone."""
    if not (CONFIGURATION.is_symlink() and CONFIGURATION.resolve().parent.name.startswith(PREFIX)):
        return False
    try:
        return not psutil.pid_exists(int(CONFIGURATION.resolve().with_name("slurmctld.pid").read_text()))
    except (FileNotFoundError, ValueError):
        return True


def run(*command: str) -> str:
    """Run a command to its end and return what it prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=HANG).stdout


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class SlurmNode:
    """Daemons of a cluster of one node, in a folder of their own; as a context manager it leaves nothing."""

    def __init__(self, cpus: int) -> None:
        self.cpus = cpus

    def __enter__(self) -> "SlurmNode":
        # short, because the path of a socket must be
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        self.folder.chmod(0o755)  # munged refuses a folder that its clients cannot pass
        for name in ("state", "spool"):
            (self.folder / name).mkdir(mode=0o700)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        self.host = socket.gethostname().split(".")[0]
        text = SLURM_CONF.format(
            folder=self.folder,
            host=self.host,
            cpus=self.cpus,
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
            controller_port=free_port(),
            node_port=free_port(),
        )
        (self.folder / "slurm.conf").write_text(text)
        # a graphics card for the scheduler to count; it wants a device behind it
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
        CONFIGURATION.parent.mkdir(exist_ok=True)
        if left_behind():
            CONFIGURATION.unlink()
        CONFIGURATION.symlink_to(self.folder / "slurm.conf")  # an error where there is another SLURM
        names = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        files = [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in names.items()]
        run("munged", f"--key-file={key}", *files, "--force")
        run("slurmctld", "-f", str(self.folder / "slurm.conf"))
        self.start_slurmd()

    def start_slurmd(self) -> None:
        """Start the node's daemon and wait until the node takes jobs."""
        run("slurmd", "-f", str(self.folder / "slurm.conf"))
        ready = ("idle", "mixed", "allocated")
        wait_for(
            lambda: run("sinfo", "-h", "-N", "-p", "main", "-o", "%T").strip() in ready, "the node is ready"
        )

    def stop_slurmd(self) -> None:
        """Stop the node's daemon; the steps of its jobs are processes of their own and go on."""
        self._end("slurmd.pid")

    def _end(self, name: str) -> None:
        """Stop the daemon whose process number is in a file, if it runs."""
        try:
            pid = int((self.folder / name).read_text())
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"{name}: the daemon has stopped")
        except (FileNotFoundError, ValueError, ProcessLookupError):
            pass

    def _stop(self) -> None:
        if (self.folder / "slurmctld.pid").exists():
            subprocess.run(["scancel", "--user=root"], capture_output=True, timeout=HANG)
            wait_for(lambda: not self.jobs("%i", "--states=running,completing"), "no job runs")
        for name in ("slurmd.pid", "slurmctld.pid", "munge.pid"):
            self._end(name)
        if CONFIGURATION.resolve() == (self.folder / "slurm.conf").resolve():
            CONFIGURATION.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def jobs(columns: str, *options: str) -> list[str]:
        """One line a job, as squeue prints it."""
        return run("squeue", "--noheader", f"--format={columns}", *options).splitlines()
