"""Runs of training, in this process or in others that can be killed at any moment."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import sys
from pathlib import Path

import torch

from gaborkit.generative.configuration import to_dict
from gaborkit.generative.training import checkpoint, session
from gaborkit.generative.training.settings import Training
from gaborkit.generative.training.trainer import Trainer

# A server imports all once, and what optimizers and Accelerate import late, and forks for each.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["gaborkit.generative.training.session", "torch._dynamo", "torch.distributed.tensor"]
)

CONFIGS = {
    "vae": {"hidden": [8], "latent": 2},
    "ae": {"hidden": [8], "latent": 2},
    "vq-vae": {"hidden": [4, 4], "latent": 2, "codes": 5, "blocks": 0},
    "pixelsnail": {
        **{"channels": 4, "blocks": 1, "residuals": 1, "heads": 1, "levels": 4},
        **{"key_width": 2, "value_width": 2, "first_size": 3, "dropout": 0.3},
    },
    "gan": {
        "generator_hidden": [6, 6],
        "discriminator_hidden": [6],
        "latent": 4,
        "discriminator_steps": 2,
    },
}


def recipe(model="vae", *, limit=40, classes=False, representation=None, config=None, **training):
    fields = {"steps": 12, "batch_size": 8, "checkpoint_every": 5, "log_every": 4, **training}
    return session.Recipe(
        model,
        preset="article" if model == "gan" else "small",
        limit=limit,
        classes=classes,
        representation=representation or {},
        config={**CONFIGS[model], **(config or {})},
        # Nothing is left to the presets.
        training={**to_dict(Training()), **fields},
    )


def start(run, out, **options):
    return session.start(run, out, device="cpu", **options)


def resume(out, **options):
    return session.resume(out, device="cpu", **options)


# ---- in other processes ----


def launch(out, run=None, *, processes=1, calls=None, victim=0, terminate=None):
    """Start a run, or go on with one where ``run`` is None; exit codes of the processes.

    The process ``victim`` kills itself at its function call number ``calls`` of the training loop,
    or terminates itself (SIGTERM) at the end of step ``terminate``. ``calls=-1`` counts them
    instead, into the file ``calls`` beside the run.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers = []
    for rank in range(processes):
        mine = (calls, terminate) if rank == victim else (None, None)
        arguments = (out, run, rank, processes, port, *mine)
        workers.append(CONTEXT.Process(target=_work, args=arguments))
        workers[-1].start()
    workers[victim].join(120)
    if workers[victim].exitcode == -signal.SIGKILL:
        for worker in workers:
            worker.kill()
    for worker in workers:
        worker.join(120)
    return [worker.exitcode for worker in workers]


def _work(out, run, rank, processes, port, calls, terminate):
    torch.set_num_threads(1)
    if processes > 1:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    train, update = Trainer.train, Trainer._update

    def counted(self):
        seen = 0

        def count(frame, event, argument):
            nonlocal seen
            seen += 1
            if seen == calls:
                os.kill(os.getpid(), signal.SIGKILL)

        if calls is not None:
            sys.setprofile(count)
        try:
            train(self)
        finally:
            sys.setprofile(None)
        if calls == -1:
            Path(f"{out}.calls").write_text(str(seen))

    def terminated(self, step):
        update(self, step)
        if step == terminate:
            os.kill(os.getpid(), signal.SIGTERM)

    Trainer.train, Trainer._update = counted, terminated
    code = 0
    try:
        resume(out) if run is None else start(run, out)
    except session.Interrupted as stop:
        code = 100 + stop.step
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    sys.exit(code)


# ---- what a run has left ----


def last(out):
    """Tensors and state of the last checkpoint, less what the clock says."""
    tensors, state = checkpoint.latest(Path(out) / "checkpoints", lambda line: None)
    state.pop("seconds")
    state["metrics"].pop("seconds", None)
    return tensors, state


def rows(out):
    """Rows of the log, less what the clock says."""
    lines = (Path(out) / "log.csv").read_text().splitlines()
    table = [line.split(",") for line in lines]
    clock = table[0].index("seconds")
    return [row[:clock] + row[clock + 1 :] for row in table]


def assert_equal_runs(one, other):
    (one_tensors, one_state), (tensors, state) = last(one), last(other)
    assert one_tensors.keys() == tensors.keys()
    for name, tensor in one_tensors.items():
        assert torch.equal(tensor, tensors[name]), name
    assert one_state == state
    assert rows(one) == rows(other)
    for name in ("model.safetensors", "samples.png", "representation.json", "config.json"):
        assert (Path(one) / name).read_bytes() == (Path(other) / name).read_bytes(), name
    assert not list((Path(other) / "checkpoints").glob(".gaborkit-*"))
    assert json.loads((Path(other) / "metrics.json").read_text())["training"]["steps"]
