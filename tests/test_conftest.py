"""What tests rely on without saying so: shapes are checked, the network is closed, a missing GPU is named."""

import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
import torch
from jaxtyping import TypeCheckError

from seqbench.outlet import console
from seqbench.scoring import sequence_mean
from seqbench.statistics.roots import root


def test_a_wrong_axis_fails_at_the_call() -> None:
    with pytest.raises(TypeCheckError, match="weight"):
        sequence_mean(torch.ones(2, 3), torch.ones(2, 4))


def test_a_wrong_type_fails_at_the_call_whether_its_module_has_shapes_or_not() -> None:
    with pytest.raises(TypeError, match="function"):
        root(3, 0.0, 1.0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="steady"):
        console(steady="no")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="values"):
        sequence_mean("no", torch.ones(2, 3))  # pyright: ignore[reportArgumentType]


def test_the_network_is_refused_and_local_sockets_are_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, pytest.raises(RuntimeError, match="must not use"):
        tcp.connect(("127.0.0.1", 9))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, pytest.raises(RuntimeError, match="must not use"):
        udp.sendto(b"", ("127.0.0.1", 9))
    with pytest.raises(RuntimeError, match="must not use"):
        socket.create_connection(("example.invalid", 80))
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        client.connect(str(tmp_path / "socket"))


def test_denormals_are_flushed_on_one_thread_without_a_display() -> None:
    assert (torch.tensor([1e-38]) * 1e-3).item() == 0.0
    assert torch.get_num_threads() == 1
    assert mpl.get_backend().lower() == "agg"


def test_worker_processes_can_be_started() -> None:
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        assert pool.apply(len, ([1, 2],)) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("beside", "timed"), [([], True), (["tests/test_conftest.py"], False)])
def test_benchmarks_are_timed_alone_and_run_once_beside_tests(beside: list[str], timed: bool) -> None:
    words = ["-q", "-p", "no:cacheprovider", "-k", "test_publishing", "bench/test_records.py", *beside]
    root = Path(__file__).parents[1]
    alone = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}  # in no worker's name
    done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=root, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert ("Rounds" in done.stdout) is timed


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "1"])
def test_what_needs_a_gpu_is_named_where_there_is_none(tmp_path: Path, workers: str) -> None:
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu: needs CUDA\n")
    (tmp_path / "test_it.py").write_text("import pytest\n\n@pytest.mark.gpu\ndef test_on_the_gpu():\n    pass\n")
    # No CUDA device is visible to the inner run, whatever this machine has.
    environment = {"CUDA_VISIBLE_DEVICES": "", "PATH": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not run: no CUDA device here" in done.stdout
    assert "test_it.py::test_on_the_gpu\n" in done.stdout
