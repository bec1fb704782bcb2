"""IBSI 2's reference maps and values, beside gaborkit's: ``python benchmarks/ibsi.py FOLDER``.

FOLDER holds clones of the repositories ``data_sets`` and ``ibsi_2_reference_data`` of the IBSI
(github.com/theibsi), whose data are under CC BY 4.0 and CC0. Prints the tables of ibsi.md.
"""

from __future__ import annotations

import csv
import math
import sys
import time
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.radiomics import INTENSITY_STATISTICS, GaborResponse, prepare, radiomics

#: The maps of phase 1 that are of Gabor kernels, the phantom of each, and IBSI's settings.
MAPS = {
    "4_a_1": ("impulse", {"sigma": 10, "wavelength": 4, "gamma": 0.5, "theta": math.pi / 3}),
    "4_a_2": ("impulse", {"sigma": 10, "wavelength": 4, "gamma": 0.5, "step": math.pi / 4}),
    "4_b_1": ("sphere", {"sigma": 20, "wavelength": 8, "gamma": 2.5, "theta": 5 * math.pi / 4}),
    "4_b_2": ("sphere", {"sigma": 20, "wavelength": 8, "gamma": 2.5, "step": math.pi / 8}),
}


def phase_1(folder: Path) -> None:
    print("| map | largest difference, % of the range | tolerance |\n| --- | --- | --- |")
    for name, (phantom, fields) in MAPS.items():
        path = folder / f"data_sets/ibsi_2_digital_phantom/nifti/{phantom}/image/{phantom}.nii.gz"
        volume = gk.read_volume(path)
        reference = gk.read_volume(
            folder / f"ibsi_2_reference_data/reference_response_maps/{name}-ValidCRM.nii"
        ).values
        response = GaborResponse(
            **fields,
            planes="orthogonal" if "step" in fields else "slice",
            boundary="constant" if phantom == "impulse" else "reflect",
        )
        apart = abs(response(volume).values - reference).max() / np.ptp(reference)
        print(f"| {name.replace('_', '.').upper()} | {100 * apart:.2g} | 1 |")


def phase_2(folder: Path) -> None:
    scans = folder / "data_sets/ibsi_2_ct_radiomics_phantom/nifti"
    image = gk.read_volume(scans / "image/phantom.nii.gz")
    mask = gk.read_volume(scans / "mask/mask.nii.gz")
    table = folder / "ibsi_2_reference_data/reference_feature_values/reference_values.csv"
    with table.open(encoding="utf-8") as stream:
        references = {
            (row["filter_id"], row["feature_tag"]): (row["consensus_value"], row["tolerance"])
            for row in csv.DictReader(stream, delimiter=";")
        }
    columns, seconds = {}, []
    for letter, planes, options in (
        ("A", "slice", {}),
        ("B", "orthogonal", {"spacing": 1, "rounded": True}),
    ):
        start = time.process_time()
        response = GaborResponse(5, 2, 1.5, step=math.pi / 8, planes=planes)
        features = radiomics(*prepare(image, mask, limits=(-1000, 400), **options), [response])
        seconds.append(time.process_time() - start)
        columns[f"5.{letter}"] = features, response.label
        columns[f"1.{letter}"] = features, "original"
    print(f"\nCPU seconds: A {seconds[0]:.1f}, B {seconds[1]:.1f}\n")
    names = sorted(columns)
    heads = " | ".join(f"{name} | IBSI" for name in names)
    print(f"| | {heads} |\n| --- {'| --- ' * 2 * len(names)}|")
    outside = 0
    for tag, meaning in INTENSITY_STATISTICS.items():
        cells = []
        for name in names:
            features, prefix = columns[name]
            value = float(features[f"{prefix} {tag}"])
            consensus, tolerance = references[name, tag]
            wrong = abs(value - float(consensus)) > float(tolerance)
            outside += wrong
            cells += [f"{value:.4g}{' (outside)' if wrong else ''}", f"{consensus} ± {tolerance}"]
        print(f"| {meaning} | {' | '.join(cells)} |")
    print(f"\n{outside} of {len(names) * len(INTENSITY_STATISTICS)} outside the tolerance.")


if __name__ == "__main__":
    phase_1(Path(sys.argv[1]))
    phase_2(Path(sys.argv[1]))
