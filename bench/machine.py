"""What the measurements were made on: processor, memory and versions, without names of hosts or folders."""
import glob
import json
import os
import platform
import re
import subprocess

KIT = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ("duckdb", "polars", "datafusion", "pyspark")


def output(*command):
    """All that a command prints, or nothing when it is not there."""
    try:
        r = subprocess.run(command, capture_output=True, text=True, cwd=KIT)
    except OSError:
        return ""
    return (r.stdout + r.stderr).strip()


def search(pattern, text):
    m = re.search(pattern, text, re.MULTILINE)
    return m.group(1).strip() if m else "unknown"


def read(path):
    with open(path) as f:
        return f.read()


def processor():
    info = read("/proc/cpuinfo")
    name, family, model = (search(rf"^{field}\s*: (.*)$", info) for field in ("model name", "cpu family", "model"))
    return f"{name}, family {family} model {model}"


def packages(python):
    code = f"import importlib.metadata as m; print(*[p + ' ' + m.version(p) for p in {PACKAGES}], sep='\\n')"
    return dict(l.split() for l in output(python, "-c", code).splitlines() if len(l.split()) == 2)


def flink(work):
    jars = glob.glob(f"{work}/flink/lib/flink-dist-*.jar")
    return search(r"flink-dist-(.*)\.jar", jars[0]) if jars else "not installed"


def facts(python, work):
    return dict(
        cpu=processor(),
        cores=os.cpu_count(),
        memory_gib=round(int(search(r"^MemTotal: +(\d+)", read("/proc/meminfo"))) / 2**20),
        kernel=platform.release().split("-")[0],
        versions=dict(
            packages(python),
            flink=flink(work),
            java=search(r'version "([^"]+)"', output("java", "-version")),
            go=search(r"go version go(\S+)", output("go", "version")),
            gcc=search(r"(\d+\.\d+\.\d+)$", output("gcc", "--version").split("\n")[0]),
            millrace=output("git", "describe", "--always", "--tags", "--dirty") or "unknown",
        ),
    )


def record(path, python):
    with open(path, "w") as f:
        json.dump(facts(python, os.path.dirname(path)), f, indent=1)
