"Locks end with the process that holds them, however it ends, and asking for one disturbs nobody."

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from support.checkout import ROOT

from ukr_letters.release.runs import Run
from ukr_letters.samples.intake import PER_MINUTE, Quota

RUNNING = """
import os, sys
sys.path.insert(0, sys.argv[1])
os.chdir(sys.argv[2])
from ukr_letters.release.runs import begin
run = begin("lesson", {})
print(run.folder, flush=True)
sys.stdin.read()
"""
GIVING = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from ukr_letters.samples.intake import Quota
quota = Quota(Path(sys.argv[2]))
print(sum(quota.grant("0" * 32) for _ in range(int(sys.argv[3]))))
"""


def test_a_killed_run_lets_go_of_its_folder(tmp_path):
    "While it lives it is seen to live, by many at the same time; killed, it is seen to be dead by all of them."
    command = [sys.executable, "-c", RUNNING, str(ROOT), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        run = Run(tmp_path / process.stdout.readline().strip())
        files = sorted(path.name for path in run.folder.iterdir())
        with ThreadPoolExecutor(3) as askers:
            assert set(askers.map(lambda _: run.status(), range(6))) == {"running"}
            process.kill()
            process.wait()
            assert set(askers.map(lambda _: run.status(), range(60))) == {"killed"}
    assert sorted(path.name for path in run.folder.iterdir()) == files == ["facts.json", "lock"]


def test_two_processes_count_one_after_the_other(tmp_path):
    "Together they are granted what one giver may give, and not a drawing more."
    command = [sys.executable, "-c", GIVING, str(ROOT), str(tmp_path / "times"), str(PER_MINUTE)]
    givers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(giver.communicate()[0]) for giver in givers) == PER_MINUTE
    assert not Quota(tmp_path / "times").grant("0" * 32)
