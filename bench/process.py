"""Runs a command and measures it: wall time, CPU time and peak memory of its whole process tree."""
import ctypes
import os
import resource
import signal
import subprocess
import threading
import time
from collections import namedtuple

Outcome = namedtuple("Outcome", "status wall cpu peak_rss lines")  # seconds, seconds, bytes

PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE = 0.05  # seconds
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Makes grandchildren whose parent has gone ours, so that their CPU time is known when they end."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def resident(session):
    """Sum of the resident memory of a session's processes. Mapped files count."""
    total = 0
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                with open(f"/proc/{d}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                total += int(fields[21]) * PAGE
    return total


def children_cpu():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def reap(pid):
    """Waits for the process and its orphans; returns its status and the largest peak of one process."""
    _, status, usage = os.wait4(pid, 0)
    ended, peak = time.time(), usage.ru_maxrss
    while True:
        try:
            peak = max(peak, os.wait4(-1, 0)[2].ru_maxrss)
        except ChildProcessError:
            return os.waitstatus_to_exitcode(status), ended, peak * 1024


def execute(command, env, log, timeout):
    """Runs command in a session of its own; lines is its stdout. After timeout seconds the session is killed."""
    before, start, peak, stop = children_cpu(), time.time(), [0], threading.Event()
    with open(log, "w") as err:
        p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True, env=env, start_new_session=True)

    def watch():
        while not stop.is_set():
            peak[0] = max(peak[0], resident(p.pid))
            stop.wait(SAMPLE)

    killer = threading.Timer(timeout, os.killpg, (p.pid, signal.SIGKILL))
    killer.start()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    lines = [l.rstrip("\n") for l in p.stdout]
    p.returncode, ended, largest = reap(p.pid)
    killer.cancel()
    stop.set()
    watcher.join()
    return Outcome(p.returncode, ended - start, children_cpu() - before, max(peak[0], largest), lines)
