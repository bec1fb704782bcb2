"""CPU times and tables of the measurements here."""

import time


def seconds(work, runs=2):
    """Least CPU time of some runs, after one that fills the caches."""
    work()
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def table(head, rows):
    print("|", " | ".join(head), "|")
    print("|", " | ".join(["---"] * len(head)), "|")
    for row in rows:
        print("|", " | ".join(map(str, row)), "|")
    print()
