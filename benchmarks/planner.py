"""How good ``engine="auto"`` is: every engine on a grid of problems, and the one that auto takes.

    python benchmarks/planner.py [--sides 64,256,1024,4096] [--sigmas 1,4,16,64] [--kernels 1,8,64]
                                 [--threads 1,2] [--json planner.json] [--fit]

A problem is a picture of white noise and a bank of round kernels of one sigma. Each engine is timed
by ``bank.filter``; those within twice the best one run in turns, and their medians are compared.
Problems come in random order until ``--limit``.
``--json`` keeps the timings; ``--read`` takes them from there in place of measuring; ``--fit``
prints the constants of gaborkit.costs that fit them best.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit import costs
from gaborkit.contestants import Problem
from gaborkit.planning import BACKENDS

#: Bytes of responses beyond which a problem is left out.
LARGEST = 1.2e9

#: Share by which auto may be slower than the best engine.
MARGIN = 0.15


def bank_of(case):
    return Problem(case["sigma"], 16, case["kernels"]).bank


def step_of(case):
    """The planner's only step: kernels of one sigma have one radius."""
    shape = (case["side"], case["side"])
    return bank_of(case).plan(shape, np.dtype(case["dtype"])).steps[0]


def measure(case, options):
    """Milliseconds of every engine that is not hopeless; None for a problem that takes too long."""
    shape = (case["side"], case["side"])
    itemsize = 2 * np.dtype(case["dtype"]).itemsize
    if case["kernels"] * shape[0] * shape[1] * itemsize > LARGEST:
        return None
    bank, modelled = bank_of(case), step_of(case).milliseconds
    if min(modelled.values()) > 1e3 * options.slowest:
        return None
    image = np.random.default_rng(0).standard_normal(shape).astype(case["dtype"])
    out = np.empty((len(bank), *shape), np.result_type(image, np.complex64))

    def run(engine):
        started = time.perf_counter()
        bank.filter(image, engine=engine, out=out)
        return 1e3 * (time.perf_counter() - started)

    hopeless = max(5 * min(modelled.values()), 5)
    engines = [name for name in BACKENDS["numpy"] if modelled.get(name, np.inf) <= hopeless]
    for name in engines:
        run(name)  # kernels are sampled and kept
    first = {name: run(name) for name in engines}
    close = [name for name in engines if first[name] <= 2 * min(first.values())]
    rounds = [first]
    until = time.perf_counter() + options.seconds
    while len(rounds) < 9 and time.perf_counter() < until:
        rounds.append({name: run(name) for name in close})
    return {name: statistics.median(one[name] for one in rounds if name in one) for name in engines}


def measured(options):
    """One process a number of threads: libraries read it when they are loaded."""
    results = []
    for threads in options.threads:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(threads))}
        command = [sys.executable, __file__, "--child", json.dumps(vars(options))]
        done = subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        results += [{**case, "threads": threads} for case in json.loads(done.stdout)]
    return results


def child(options):
    """Measure the grid in this process and print it as JSON."""
    grid = list(itertools.product(options.sides, options.sigmas, options.kernels, options.dtypes))
    random.Random(0).shuffle(grid)
    cases, until = [], time.perf_counter() + options.limit
    for values in grid:
        if time.perf_counter() > until:
            break
        case = dict(zip(("side", "sigma", "kernels", "dtype"), values, strict=True))
        if case["sigma"] <= case["side"] / 4:
            times = measure(case, options)
            if times:
                cases.append({**case, "times": times})
    print(json.dumps(cases))


def report(cases):
    """Ratio of the chosen engine to the best one, by what the planner says now."""
    ratios = []
    for case in cases:
        os.environ["OMP_NUM_THREADS"] = str(case["threads"])
        step, times = step_of(case), case["times"]
        ratio = times.get(step.engine, np.inf) / min(times.values())
        ratios.append((ratio, step, case))
    ratios.sort(key=lambda entry: -entry[0])
    good = sum(ratio <= 1 + MARGIN for ratio, _, _ in ratios)
    lines = [
        f"gaborkit {gk.__version__}: auto is within {MARGIN:.0%} of the best engine on {good} of "
        f"{len(ratios)} problems; worst ratio {ratios[0][0]:.2f}",
        f"{'ratio':>7}{'side':>6}{'sigma':>6}{'kernels':>8}{'threads':>8} dtype    chosen: "
        "milliseconds measured (modelled)",
    ]
    for ratio, step, case in ratios:
        if ratio <= 1 + MARGIN:
            break
        times = ", ".join(
            f"{name} {ms:.3g} ({step.milliseconds[name]:.3g})" for name, ms in case["times"].items()
        )
        lines.append(
            f"{ratio:7.2f}{case['side']:6}{case['sigma']:6g}{case['kernels']:8}"
            f"{case['threads']:8} {case['dtype']}  {step.engine}: {times}"
        )
    return "\n".join(lines)


def fit(cases):
    """Constants, by least squares on relative errors; times are linear in them.

    A constant's term is the change of the modelled time with it.
    """
    from scipy.optimize import nnls

    before = {name: v for name, v in vars(costs).items() if name.isupper() and type(v) is float}
    terms = {}
    change = 1e-3
    for name, value in [("", 0.0), *before.items()]:
        if name:
            setattr(costs, name, value * (1 + change))
        for i, case in enumerate(cases):
            os.environ["OMP_NUM_THREADS"] = str(case["threads"])
            for engine, ms in step_of(case).milliseconds.items():
                if engine in case["times"]:
                    terms[name, i, engine] = ms
        if name:
            setattr(costs, name, value)
    rows = sorted({(i, engine) for _, i, engine in terms})
    weights = np.array([1 / cases[i]["times"][engine] for i, engine in rows])
    base = np.array([terms["", *row] for row in rows])
    matrix = np.stack(
        [
            (np.array([terms[name, *row] for row in rows]) - base) / (change * value)
            for name, value in before.items()
        ],
        axis=1,
    )
    # Constants that make up next to nothing of every time are left as they are.
    shares = matrix * np.array(list(before.values())) / base[:, None]
    used = [k for k in range(len(before)) if shares[:, k].max() > 0.1]
    rest = base - matrix[:, used] @ np.array(list(before.values()))[used]
    target = 1 - rest * weights
    constants, _ = nnls(matrix[:, used] * weights[:, None], target)
    found = dict(zip(np.array(list(before))[used], constants, strict=True))
    fitted = (matrix[:, used] @ constants + rest) * weights
    lines = [f"{'constant':>12}{'now':>12}{'fitted':>12}"]
    for name, value in before.items():
        after = f"{found[name]:.4g}" if name in found else "as it is"
        lines.append(f"{name:>12}{value:>12.4g}{after:>12}")
    lines.append("modelled / measured, before and after: 5 %, median, 95 %")
    for engine in BACKENDS["numpy"]:
        mine = [k for k, row in enumerate(rows) if row[1] == engine]
        if mine:
            ratios = [np.percentile(r[mine], (5, 50, 95)) for r in (base * weights, fitted)]
            figures = "   ".join(" ".join(f"{ratio:6.2f}" for ratio in three) for three in ratios)
            lines.append(f"{engine:>12}  {figures}  ({len(mine)} timings)")
    return "\n".join(lines)


def numbers(kind):
    return lambda text: [kind(word) for word in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=numbers(int), default=[64, 256, 1024, 4096])
    parser.add_argument("--sigmas", type=numbers(float), default=[1, 4, 16, 64])
    parser.add_argument("--kernels", type=numbers(int), default=[1, 8, 64])
    parser.add_argument("--dtypes", type=numbers(str), default=["float32", "float64"])
    parser.add_argument("--threads", type=numbers(int), default=[1, 2])
    parser.add_argument("--slowest", type=float, default=2, help="modelled seconds of a problem")
    parser.add_argument("--seconds", type=float, default=0.3, help="for the rounds of a problem")
    parser.add_argument("--limit", type=float, default=600, help="seconds for a number of threads")
    parser.add_argument("--json", help="write the timings; they are added to those in the file")
    parser.add_argument("--read", help="timings of an earlier run")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", gk.SamplingWarning)  # sigma 1
    if options.child:
        return child(argparse.Namespace(**json.loads(options.child)))
    cases = json.loads(Path(options.read).read_text()) if options.read else measured(options)
    if options.json:
        file = Path(options.json)
        cases += json.loads(file.read_text()) if file.exists() else []
        file.write_text(json.dumps(cases, indent=1) + "\n")
    print(report(cases))
    if options.fit:
        print(fit(cases))


if __name__ == "__main__":
    main()
