"""``gaborkit radiomics``: IBSI's statistics of a region of a scan and of its Gabor responses."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any, NamedTuple

import click

import gaborkit as gk
from gaborkit.choices import BOUNDARIES

from ..cases import Case, cases_of, names_of
from ..each import for_each, refuse
from ..options.arguments import Choice, Degrees, Number, Whole
from ..options.path_arguments import IN, TABLES, Output
from ..options.reading import progress_option, report_options
from ..options.sections import Command

#: What is written of response maps.
VOLUMES = (".nii", ".nii.gz")

_LENGTH = Number(above=0, unit="millimetres")


@click.command("radiomics", cls=Command)
@click.argument("source", type=IN, metavar="IMAGE")
@click.option(
    "--mask",
    type=IN,
    metavar="MASK",
    help="The region, on IMAGE's grid; needed unless IMAGE is a table of cases.",
)
@click.option(
    "--label",
    type=Whole(1, 2**31 - 1),
    metavar="N",
    help="What is N in the mask.  [default: what is not 0]",
)
@click.option(
    "--out", required=True, type=Output(TABLES), metavar="FILE", help="Table: .csv, .npz, .parquet."
)
@click.option(
    "--sigma",
    "sigmas",
    type=_LENGTH,
    multiple=True,
    help="Deviation of the envelope, mm; may be given several times.  [default: 5]",
)
@click.option(
    "--wavelength",
    "wavelengths",
    type=_LENGTH,
    multiple=True,
    help="Of the carrier, mm; may be given several times.  [default: 2]",
)
@click.option("--gamma", type=Number(above=0), default=1.5, show_default=True, help="Aspect ratio.")
@click.option(
    "--theta-step",
    type=Number(above=0, most=360, words=("none",), unit="degrees"),
    default="22.5",
    show_default=True,
    help="Degrees between angles, over the circle; none for --theta alone.",
)
@click.option("--theta", type=Degrees(), default=0.0, help="First angle, degrees.  [default: 0]")
@click.option(
    "--planes",
    type=Choice(("slice", "orthogonal")),
    default="slice",
    show_default=True,
    help="Each slice, or the mean over the planes xy, xz and yz.",
)
@click.option(
    "--pooling",
    type=Choice(("mean", "max")),
    default="mean",
    show_default=True,
    help="Of the moduli over angles.",
)
@click.option(
    "--boundary",
    type=Choice(BOUNDARIES),
    default="reflect",
    show_default=True,
    help="Outside IMAGE; IBSI's mirror is reflect, zero constant, periodic wrap.",
)
@click.option(
    "--spacing",
    type=_LENGTH,
    metavar="MM",
    help="Resample to cubes of so many millimetres.  [default: as it is]",
)
@click.option(
    "--order",
    type=Whole(1, 3),
    default=3,
    show_default=True,
    help="Of the spline that resamples: 1 linear, 3 cubic.",
)
@click.option(
    "--round", "rounded", is_flag=True, help="Round resampled values to whole numbers, as of CT."
)
@click.option(
    "--range",
    "limits",
    type=Number(),
    nargs=2,
    metavar="LOW HIGH",
    help="Leave voxels of other values out of the region.",
)
@click.option(
    "--map", "map_path", type=Output(VOLUMES), metavar="FILE", help="Response map: .nii, .nii.gz."
)
@progress_option
@report_options
def command(
    source: str,
    mask: str | None,
    label: int | None,
    out: str,
    sigmas: tuple[float, ...],
    wavelengths: tuple[float, ...],
    gamma: float,
    theta_step: float | str,
    theta: float,
    planes: Any,
    pooling: Any,
    boundary: Any,
    spacing: float | None,
    order: int,
    rounded: bool,
    limits: tuple[float, float] | None,
    map_path: str | None,
    progress: bool | None,
    as_json: bool,
) -> None:
    """Describe a region of a scan by IBSI's intensity statistics, of it and of Gabor responses.

    IMAGE and MASK are NIfTI files, folders of one DICOM series each, or stacks of pages that say
    their spacing. The table has one row: eighteen statistics of the region's values, and of the
    modulus of each response, one for each pair of a --sigma and a --wavelength. Kernels are IBSI
    2's: plain Gabor functions of height 1, in planes, pooled over angles. The defaults are its
    configuration 5.A but for its --range; 5.B is the third example with it and --round.

    IMAGE may be a table of cases, .csv: columns image, mask and, if masks hold several regions,
    label; paths are seen from where the table lies. Each case has a row, called after its image,
    or after its mask if images have several.

    \b
    Examples:
      gaborkit radiomics ct.nii --mask roi.nii --out features.csv
      gaborkit radiomics ct.nii --mask roi.nii --range -1000 400 --out a.csv
      gaborkit radiomics ct.nii --mask roi.nii --planes orthogonal --out b.csv
      gaborkit radiomics ct.nii --mask roi.nii --out c.csv --map c.nii.gz
      gaborkit radiomics cases.csv --out cohort.csv
    """  # noqa: D301
    pairs = list(itertools.product(sigmas or (5.0,), wavelengths or (2.0,)))
    if map_path is not None and len(pairs) > 1:
        raise click.UsageError(
            f"--map holds one response, and {len(pairs)} are asked for: give one --sigma and one "
            "--wavelength"
        )
    step = None if theta_step == "none" else math.radians(float(theta_step))
    try:
        responses = [
            gk.radiomics.GaborResponse(
                sigma,
                wavelength,
                gamma,
                math.radians(theta),
                step,
                planes,
                pooling,
                boundary,
            )
            for sigma, wavelength in pairs
        ]
    except gk.FeatureError as error:
        raise click.UsageError(f"--theta-step {theta_step}: {error}") from error
    table = source.lower().endswith(".csv")
    for option, given in (("mask", mask), ("label", label), ("map", map_path)):
        if table and given is not None:
            raise click.UsageError(
                f"--{option} {given} is of one image, and {source} names several: leave it out"
            )
    if not table and mask is None:
        raise click.UsageError(f"there is no region of {source}: give --mask")
    cases = cases_of(source) if table else [Case(source, str(mask), label)]

    def describe(case: Case) -> _Described:
        """Features of one case."""
        image, region = gk.read_volume(case.image), gk.read_volume(case.mask)
        if case.label is not None:
            region = region.with_values(region.values == case.label)
            if not region.values.any():
                raise gk.FeatureError(f"{case.mask}: no voxel is {case.label}; another label works")
        try:
            image, region = gk.radiomics.prepare(
                image, region, spacing=spacing, order=order, rounded=rounded, limits=limits
            )
            features = gk.radiomics.radiomics(image, region, responses)
        except gk.GaborkitError as error:
            raise type(error)(f"{case.image}, {case.mask}: {error}") from error
        said = {
            "image": case.image,
            "mask": case.mask,
            "label": case.label,
            "spacing": list(image.spacing),
            "voxels": int(region.values.sum()),
        }
        return _Described(case, features, said, image if map_path else None)

    description: dict[str, Any] = {
        "gaborkit": gk.__version__,
        "resampled": spacing and {"spacing": spacing, "order": order, "round": rounded},
        "range": limits,
        "responses": [response.label for response in responses],
        "boundary": boundary,
    }
    if not table:
        one = describe(cases[0])
        description |= one.said
        rows = [(source, one.features.to_numpy())]
        gk.features.write_table(out, rows, one.features.names, description=description)
        if map_path is not None:
            gk.write_volume(map_path, responses[0](one.image))
        if as_json:
            click.echo(json.dumps({"out": out, **description, "features": one.numbers}))
        else:
            click.echo(f"{out}: {len(one.features)} features of {one.said['voxels']} voxels")
        return
    names = names_of(cases)
    described, problems = for_each(cases, describe, lambda case: case.image, "describing", progress)
    description["cases"] = [one.said for one in described]
    if described:
        rows = [(names[one.case], one.features.to_numpy()) for one in described]
        labelled = all(case.label is not None for case in cases)
        columns = described[0].features.names
        gk.features.write_table(out, rows, columns, description=description, objects=labelled)
    refuse(problems, f"{len(cases)} cases", "described")
    if as_json:
        features = [one.numbers for one in described]
        click.echo(json.dumps({"out": out, **description, "features": features}))
    else:
        count = f"{len(described)} case{'s' * (len(described) != 1)}"
        click.echo(f"{out}: {len(described[0].features)} features of {count}")


class _Described(NamedTuple):
    """A case, its features, what is said of it, and the image as it was filtered, if asked for."""

    case: Case
    features: gk.features.Features
    said: dict[str, Any]
    image: Any

    @property
    def numbers(self) -> dict[str, float | None]:
        """Values by their names; JSON holds no NaN."""
        values = zip(self.features.names, self.features.to_numpy().tolist(), strict=True)
        return {name: value if math.isfinite(value) else None for name, value in values}
