"""How good ``engine="auto"`` is: every engine on random problems, and the one that auto takes.

    python benchmarks/planner.py [--quick] [--clock cpu] [--threads 1] [--json planner.json] [--fit]

A problem is a picture of white noise and a bank of one sigma, round or elongated, in one precision,
at the first call with the bank or at a later one. Each engine is timed by ``bank.filter``: for the
first call of a new bank after everything that is kept of kernels was forgotten. What counts is the
least of some repeats, as other programs only ever add to it; those that come near the best one run
most often.
``--clock cpu``, with one thread, suits a machine that others use, ``--clock wall`` a quiet one.
Problems are drawn at random, with ``--seed``, around the values listed in the options, until
``--limit`` seconds are over; ``--quick`` takes about a minute.
``--json`` keeps the timings, and a further run of the same seed adds its repeats to them: so a long
measurement is made of short ones, some time apart. ``--read`` takes them from there in place of
measuring; ``--fit`` prints the constants of gaborkit.filtering.costs that fit them best.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.filtering import costs
from gaborkit.filtering.engines import pyramid, spectra
from gaborkit.filtering.engines.base import Work
from gaborkit.filtering.engines.factorization import Factorization
from gaborkit.filtering.engines.separable import Tables
from gaborkit.filtering.registry import engines_of
from gaborkit.kernels import hermite

#: Bytes of responses beyond which a problem is left out.
LARGEST = 1.2e9

#: Share by which auto may be slower than the best engine.
MARGIN = 0.15

#: Milliseconds that a call may lose and still count as good in the second figure.
TIE = 0.3

CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}
CALLS = ("first", "later")

#: What makes a problem, and the options that list it.
FIELDS = {
    "side": "sides",
    "sigma": "sigmas",
    "gamma": "gammas",
    "kernels": "kernels",
    "dtype": "dtypes",
}


def bank_of(case):
    """Kernels of one octave and one sigma."""
    wavelength = case["sigma"] / 0.5622
    return gk.GaborBank.grid(
        1, case["kernels"], wavelength=wavelength, sigma=case["sigma"], gamma=case["gamma"]
    )


def step_of(case):
    """The planner's only step: kernels of one sigma have one radius."""
    shape = (case["side"], case["side"])
    return bank_of(case).plan(shape, np.dtype(case["dtype"])).steps[0]


def work_of(case):
    """What the model of costs is told of a problem."""
    bank, double = bank_of(case), case["dtype"] == "float64"
    kernels = list({kernel.canonical()[0]: kernel for kernel in bank}.values())
    side, radius, threads = case["side"], bank[0].radius(), case["threads"]
    return Work(1, side, side, kernels, radius, bank[0].separable, double, threads)


def forget():
    """Lose what is kept of kernels, as if the bank were new."""
    for cache in (
        hermite._turned_factors,
        Factorization.of,
        Tables.of,
        pyramid._Wide.of,
        spectra.lines_of,
        spectra.spectra_of,
    ):
        cache.cache_clear()


def measure(case, options):
    """Milliseconds of the first and of later calls, by every engine that is not hopeless.

    None for a problem that takes too long.
    """
    shape = (case["side"], case["side"])
    itemsize = 2 * np.dtype(case["dtype"]).itemsize
    if case["kernels"] * shape[0] * shape[1] * itemsize > LARGEST:
        return None
    try:
        bank, modelled = bank_of(case), step_of(case).milliseconds
    except gk.FilterError:  # too much for any engine
        return None
    if min(modelled.values()) > 1e3 * options.slowest:
        return None
    image = np.random.default_rng(0).standard_normal(shape).astype(case["dtype"])
    out = np.empty((len(bank), *shape), np.result_type(image, np.complex64))
    clock = CLOCKS[options.clock]

    def run(engine, first):
        nonlocal bank
        if first:
            forget()
            bank = bank_of(case)
        started = clock()
        bank.filter(image, engine=engine, out=out)
        return 1e3 * (clock() - started)

    hopeless = max(8 * min(modelled.values()), 8)
    engines = [name for name in engines_of("numpy") if modelled.get(name, np.inf) <= hopeless]
    for name in engines:  # plans, and half-band filters, which serve all banks
        run(name, False)
    times = {name: {"first": run(name, True), "later": run(name, False)} for name in engines}
    until = time.perf_counter() + options.seconds
    for repeat in range(8):
        for call in CALLS:
            best = min(times[name][call] for name in engines)
            for name in engines:
                near = times[name][call] <= (2 if repeat else 4) * best
                if near and (not repeat or time.perf_counter() < until):
                    if call == "later":
                        run(name, False)  # the other engines have taken the caches
                    times[name][call] = min(times[name][call], run(name, call == "first"))
    return times


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
    """Measure problems in this process and print them as JSON."""
    chance = random.Random(options.seed)
    cases, until = [], time.perf_counter() + options.limit
    gk.GaborBank.grid(1, 1).filter(np.zeros((8, 8)), engine="fourier")  # modules are imported
    while time.perf_counter() < until:
        case = {name: chance.choice(getattr(options, values)) for name, values in FIELDS.items()}
        case["side"] = round(case["side"] * 2 ** chance.uniform(-0.5, 0.5))
        case["sigma"] = round(max(1, case["sigma"] * 2 ** chance.uniform(-0.5, 0.5)), 2)
        if case["sigma"] / min(1, case["gamma"]) <= case["side"] / 2:
            times = measure(case, options)
            if times:
                cases.append({**case, "times": times})
    print(json.dumps(cases))


def merged(cases):
    """Every problem once, with the least of all its timings: runs of one seed add repeats."""
    problems = {}
    for case in cases:
        key = tuple(case[field] for field in (*FIELDS, "threads"))
        times = problems.setdefault(key, case)["times"]
        for engine, by_call in case["times"].items():
            before = times.setdefault(engine, by_call)
            times[engine] = {call: min(ms, before[call]) for call, ms in by_call.items()}
    return list(problems.values())


def report(cases, everything):
    """Ratio of the chosen engine to the best one, by what the planner says now."""
    ratios, reachable = [], 0
    for case in cases:
        os.environ["OMP_NUM_THREADS"] = str(case["threads"])
        step = step_of(case)
        by_call = {call: {n: t[call] for n, t in case["times"].items()} for call in CALLS}
        # No choice without a memory of earlier calls has a smaller mean.
        by_call["mean"] = {
            name: later + (by_call["first"][name] - later) / costs.CALLS
            for name, later in by_call["later"].items()
        }
        reachable += max(
            sum(by_call[call][name] <= (1 + MARGIN) * min(by_call[call].values()) for call in CALLS)
            for name in case["times"]
        )
        for call, times in by_call.items():
            ratio = times.get(step.engine, np.inf) / min(times.values())
            ratios.append((ratio, call, step, times, case))
    ratios.sort(key=lambda entry: -entry[0])

    def good(entries):
        entries = list(entries)
        if not entries:
            return "-"
        close = [entry[0] <= 1 + MARGIN for entry in entries]
        tied = [
            near or times.get(step.engine, np.inf) - min(times.values()) <= TIE
            for near, (_, _, step, times, _) in zip(close, entries, strict=True)
        ]
        count = len(entries)
        return f"{sum(close)} of {count} ({sum(close) / count:.1%}); {sum(tied) / count:.1%}"

    kinds = {
        "both": lambda entry: entry[1] != "mean",
        "first calls": lambda entry: entry[1] == "first",
        "later calls": lambda entry: entry[1] == "later",
        "their mean": lambda entry: entry[1] == "mean",
        "round": lambda entry: entry[1] != "mean" and entry[4]["gamma"] == 1,
        "elongated": lambda entry: entry[1] != "mean" and entry[4]["gamma"] != 1,
        "float32": lambda entry: entry[1] != "mean" and entry[4]["dtype"] == "float32",
        "float64": lambda entry: entry[1] != "mean" and entry[4]["dtype"] == "float64",
    }
    lines = [
        f"{'ratio':>7} call  {'side':>5}{'sigma':>6}{'gamma':>6}{'kernels':>8}{'threads':>8} "
        "dtype    chosen: milliseconds measured (modelled mean of calls)"
    ]
    for ratio, call, step, times, case in ratios:
        if ratio <= 1 + MARGIN and not everything:
            break
        figures = ", ".join(
            f"{name} {ms:.3g} ({step.milliseconds[name]:.3g})" for name, ms in times.items()
        )
        lines.append(
            f"{ratio:7.2f} {call} {case['side']:5}{case['sigma']:6g}{case['gamma']:6g}"
            f"{case['kernels']:8}{case['threads']:8} {case['dtype']}  {step.engine}: {figures}"
        )
    worst, call, step, _, case = next(entry for entry in ratios if entry[1] != "mean")
    lines += [
        f"gaborkit {gk.__version__}: auto is within {MARGIN:.0%} of the best engine on ...; or "
        f"{TIE} ms",
        f"  first and later calls, by the best single choice: {reachable / 2 / len(cases):.1%}",
    ]
    lines += [f"  {name:>12}: {good(filter(which, ratios))}" for name, which in kinds.items()]
    problem = ", ".join(f"{field} {case[field]}" for field in FIELDS)
    lines.append(f"worst: {worst:.2f} times the best, {call} call, {step.engine} for {problem}")
    return "\n".join(lines)


def fit(cases):
    """Constants by least squares on the logarithms of times, of both calls and all engines.

    Modelled times are linear in the constants; those that never matter are left as they are. What
    counts is how engines compare within a problem, those near the best most: how fast the machine
    was in that second has little weight.
    """
    from scipy.optimize import least_squares

    before = {name: v for name, v in vars(costs).items() if name.isupper() and type(v) is float}
    rows = [(i, name, call) for i, c in enumerate(cases) for name in c["times"] for call in (0, 1)]
    works = [work_of(case) for case in cases]

    def modelled():
        both = {(i, n): engines_of("numpy")[n].cost(works[i]) for i, n, _ in rows}
        return np.array([both[i, name][call] for i, name, call in rows])

    base, change, columns = modelled(), 1e-3, []
    for name, value in before.items():
        setattr(costs, name, value * (1 + change))
        columns.append((modelled() - base) / change)
        setattr(costs, name, value)
    matrix = np.stack(columns, axis=1)
    rest = base - matrix.sum(1)  # of products of two constants
    used = (matrix / base[:, None]).max(0) > 0.1
    target = np.log([cases[i]["times"][name][CALLS[call]] for i, name, call in rows])

    problem = np.array([i for i, _, _ in rows])
    least = [min(t[call] for t in case["times"].values()) for case in cases for call in CALLS]
    best = np.reshape(least, (-1, 2))[problem, [call for _, _, call in rows]]
    nearness = np.sqrt(best / np.exp(target))
    shares = nearness / np.bincount(problem, nearness)[problem]

    def errors_of(logarithms):
        factors = np.ones(len(before))
        factors[used] = np.exp(logarithms)
        return np.log(np.maximum(matrix @ factors + rest, 1e-3 * base)) - target

    def wrong(logarithms):
        errors = errors_of(logarithms)
        common = np.bincount(problem, shares * errors)[problem]
        return np.concatenate([nearness * (errors - 0.8 * common), 0.1 * logarithms])

    found = least_squares(wrong, np.zeros(used.sum()), loss="soft_l1", f_scale=0.2).x
    after = np.array(list(before.values()))
    after[used] *= np.exp(found)
    lines = [f"{'constant':>12}{'now':>12}{'fitted':>12}"]
    for name, value, new in zip(before, before.values(), after, strict=True):
        lines.append(f"{name:>12}{value:>12.4g}{new:>12.4g}")
    lines.append("modelled / measured, before and after: 5 %, median, 95 %")
    errors = (base / np.exp(target), np.exp(errors_of(found)))
    for engine, call in itertools.product(engines_of("numpy"), (0, 1)):
        mine = [k for k, row in enumerate(rows) if row[1:] == (engine, call)]
        if mine:
            ratios = [np.percentile(error[mine], (5, 50, 95)) for error in errors]
            figures = "   ".join(" ".join(f"{ratio:6.2f}" for ratio in three) for three in ratios)
            lines.append(f"{engine:>10} {CALLS[call]}  {figures}  ({len(mine)} timings)")
    return "\n".join(lines)


def numbers(kind):
    return lambda text: [kind(word) for word in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=numbers(int), default=[32, 64, 128, 256, 512, 1024])
    parser.add_argument("--sigmas", type=numbers(float), default=[1, 3, 10, 32])
    parser.add_argument("--gammas", type=numbers(float), default=[1, 1, 1, 0.3, 0.5, 0.8, 2])
    parser.add_argument("--kernels", type=numbers(int), default=[1, 8, 32])
    parser.add_argument("--dtypes", type=numbers(str), default=["float32", "float64"])
    parser.add_argument("--threads", type=numbers(int), default=[1])
    parser.add_argument("--clock", choices=CLOCKS, default="cpu")
    parser.add_argument("--slowest", type=float, default=1, help="modelled seconds of a problem")
    parser.add_argument("--seconds", type=float, default=0.5, help="for the repeats of a problem")
    parser.add_argument("--limit", type=float, default=420, help="seconds for a number of threads")
    parser.add_argument("--seed", type=int, default=0, help="of the problems drawn")
    parser.add_argument("--quick", action="store_true", help="small pictures, about a minute")
    parser.add_argument("--json", help="write the timings; they are added to those in the file")
    parser.add_argument("--read", help="timings of an earlier run")
    parser.add_argument("--all", action="store_true", help="print every problem")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", gk.SamplingWarning)  # sigma 1
    if options.child:
        return child(argparse.Namespace(**json.loads(options.child)))
    if options.clock == "cpu" and options.threads != [1]:
        parser.error("--clock cpu adds up all threads; give --threads 1 or --clock wall")
    if options.quick:
        options.sides, options.seconds, options.limit = [32, 64, 256], 0.15, 50
        options.slowest = 0.3
    cases = json.loads(Path(options.read).read_text()) if options.read else measured(options)
    if options.json:
        file = Path(options.json)
        cases = merged(cases + (json.loads(file.read_text()) if file.exists() else []))
        file.write_text(json.dumps(cases, indent=1) + "\n")
    print(report(cases, options.all))
    if options.fit:
        print(fit(cases))


if __name__ == "__main__":
    main()
