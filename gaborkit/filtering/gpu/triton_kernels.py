# mypy: ignore-errors
"""The programs that the GPU runs, in Triton; :mod:`.fused` and :mod:`.decimated` launch them.

Importing this module imports triton. Tensors here are blocks of a program: their sides are powers
of two, and every thread of the program holds some of their elements in registers.
"""

import triton
import triton.language as tl


@triton.jit
def probe(out):
    """Store a one: whether programs can be compiled and run at all."""
    tl.store(out, 1.0)


@triton.jit
def row_passes(
    image,
    level,
    filters,
    passes,
    image_plane,
    image_pitch,
    top,
    last,
    width,
    rows,
    pitch,
    taps,
    first,
    groups,
    stride,
    FILTERS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Row filters over one row: passes[b, f, y, x] = sum_t filters[t, f] image[b, top + y, x + t].

    A pixel is loaded once for FILTERS filters, in the image's own dtype, and loses its picture's
    mean in registers. Filters come turned. Passes beyond the outputs repeat the last row and
    column: they meet only weights of zero, but must be finite.
    """
    x = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[None, :]  # (1, X)
    y = tl.program_id(1)
    picture = (tl.program_id(2) // groups).to(tl.int64)
    f = first + tl.program_id(2) % groups * FILTERS + tl.arange(0, FILTERS)[:, None]  # (F, 1)
    dtype = passes.dtype.element_ty
    mean = tl.load(level + picture)
    line = picture * image_plane + tl.minimum(top + y, last).to(tl.int64) * image_pitch
    source = image + line + tl.minimum(x, width - 1)
    weights = filters + f
    total = tl.zeros((FILTERS, BLOCK), dtype)
    for _ in range(taps):
        total += tl.load(weights) * (tl.load(source).to(dtype) - mean)
        source += 1
        weights += stride
    into = (picture * stride + f) * rows + y
    tl.store(passes + into * pitch + x, total)


@triton.jit
def column_passes(
    passes,
    bands,
    mix,
    product_rows,
    product_columns,
    product_starts,
    places,
    gains,
    level,
    inverses,
    out,
    top,
    bottom,
    height,
    width,
    rows,
    pitch,
    filters,
    spans,
    groups,
    channels,
    PAIR: tl.constexpr,
    PART: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Column filters, mix and sink for a pair of kernels: ROWS x BLOCK outputs, written once.

    bands[g, t, r] is what input row t adds to output row r under column filter g: each row that is
    loaded serves all ROWS outputs. A kernel of place -1 is absent.
    """
    x = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[None, :]  # (1, X)
    start = tl.program_id(1) * ROWS
    r = tl.arange(0, ROWS)[:, None]  # (R, 1)
    picture = (tl.program_id(2) // groups).to(tl.int64)
    group = tl.program_id(2) % groups
    dtype = passes.dtype.element_ty
    mean = tl.load(level + picture)
    # What the mean that the row passes left out would have answered.
    real = tl.zeros((ROWS, BLOCK), dtype) + mean * tl.load(gains + group * 4)
    imag = tl.zeros((ROWS, BLOCK), dtype) + mean * tl.load(gains + group * 4 + 1)
    if PAIR:
        real2 = tl.zeros((ROWS, BLOCK), dtype) + mean * tl.load(gains + group * 4 + 2)
        imag2 = tl.zeros((ROWS, BLOCK), dtype) + mean * tl.load(gains + group * 4 + 3)
    for p in range(tl.load(product_starts + group), tl.load(product_starts + group + 1)):
        line = (picture * filters + tl.load(product_rows + p)) * rows + start
        source = passes + line * pitch + x
        band = bands + tl.load(product_columns + p) * spans * ROWS + r
        product = tl.zeros((ROWS, BLOCK), dtype)
        for _ in range(spans):
            product += tl.load(band) * tl.load(source)  # (R, 1) (1, X)
            source += pitch
            band += ROWS
        real += tl.load(mix + p * 4) * product
        imag += tl.load(mix + p * 4 + 1) * product
        if PAIR:
            real2 += tl.load(mix + p * 4 + 2) * product
            imag2 += tl.load(mix + p * 4 + 3) * product
    y = top + start + r
    keep = (x < width) & (y < bottom)
    channel = picture * channels + tl.load(places + group * 2)
    inverse = tl.load(inverses + picture)
    _sink(out, (channel * height + y) * width + x, real, imag, inverse, keep, PART)
    if PAIR:
        second = tl.load(places + group * 2 + 1)
        if second >= 0:
            channel = picture * channels + second
            _sink(out, (channel * height + y) * width + x, real2, imag2, inverse, keep, PART)


@triton.jit
def band_product(
    spectrum,
    waves,
    row_gain,
    column_gain,
    product,
    full_height,
    full_width,
    height,
    width,
    kernels,
    BLOCK: tl.constexpr,
):
    """Low frequencies of a real image's spectrum times the transfer functions of Gabor kernels.

    The image's spectrum (B, full_height, full_width // 2 + 1) is the half that determines the
    rest; the product (B, K, height, width) holds the frequencies of a coarse grid. Both are pairs
    of real and imaginary part. The gains are per axis, and zero outside the kernels' band.
    """
    x = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    y = tl.program_id(1)
    plane = tl.program_id(2).to(tl.int64)
    inside = x < width
    step_x = tl.where(2 * x < width, x, x - width)  # signed whole numbers of periods
    step_y = tl.where(2 * y < height, y, y - height)
    mirrored = step_x < 0  # then the conjugate of the opposite frequency is stored
    stored_y = tl.where(mirrored, -step_y, step_y)
    stored_y = tl.where(stored_y < 0, stored_y + full_height, stored_y)
    line = plane // kernels * full_height + stored_y
    source = spectrum + (line * (full_width // 2 + 1) + tl.abs(step_x)) * 2
    real = tl.load(source, mask=inside, other=0.0)
    imag = tl.load(source + 1, mask=inside, other=0.0)
    imag = tl.where(mirrored, -imag, imag)

    wave = waves + plane % kernels * 8
    cos, sin = tl.load(wave), tl.load(wave + 1)
    fx, fy = step_x / full_width, step_y / full_height
    along, across = fx * cos + fy * sin, fy * cos - fx * sin
    beside = along - tl.load(wave + 2)
    narrow, wide = tl.load(wave + 3), tl.load(wave + 4) * across * across
    transfer = tl.exp(-(narrow * beside * beside + wide))
    transfer -= tl.load(wave + 5) * tl.exp(-(narrow * along * along + wide))
    transfer *= tl.load(column_gain + y) * tl.load(row_gain + x, mask=inside, other=0.0)
    turn_real, turn_imag = tl.load(wave + 6), tl.load(wave + 7)
    into = product + ((plane * height + y) * width + x) * 2
    tl.store(into, transfer * (real * turn_real - imag * turn_imag), mask=inside)
    tl.store(into + 1, transfer * (real * turn_imag + imag * turn_real), mask=inside)


@triton.jit
def interpolate(
    coarse,
    row_weights,
    column_weights,
    places,
    inverses,
    out,
    offset,
    coarse_height,
    coarse_width,
    height,
    width,
    kernels,
    channels,
    STEP: tl.constexpr,
    TAPS: tl.constexpr,
    PART: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """ROWS x BLOCK samples between those of a coarse grid of STEP pixels, written once.

    The first sample needed of the coarse grid is ``offset`` in from its corner.
    row_weights[i, phase] and column_weights[j, r] are the interpolating function at the distances
    from the coarse samples; ROWS is a multiple of STEP.
    """
    x = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[None, :]  # (1, X)
    start = tl.program_id(1) * ROWS
    r = tl.arange(0, ROWS)[:, None]  # (R, 1)
    plane = tl.program_id(2).to(tl.int64)
    column = offset + tl.minimum(x, width - 1) // STEP
    phases = row_weights + x % STEP
    real = tl.zeros((ROWS, BLOCK), out.dtype.element_ty)
    imag = tl.zeros((ROWS, BLOCK), out.dtype.element_ty)
    for j in range(ROWS // STEP + TAPS - 1):
        # Beyond the coarse grid lies what only outputs below the image would need.
        line = tl.minimum(offset + start // STEP + j, coarse_height - 1)
        source = coarse + ((plane * coarse_height + line) * coarse_width + column) * 2
        row_real = tl.zeros((1, BLOCK), out.dtype.element_ty)
        row_imag = tl.zeros((1, BLOCK), out.dtype.element_ty)
        for i in tl.static_range(TAPS):
            pair = source[:, :, None] + tl.arange(0, 2)[None, None, :] + 2 * i
            near_real, near_imag = tl.split(tl.load(pair))  # (1, X) each
            weight = tl.load(phases + i * STEP)
            row_real += weight * near_real
            row_imag += weight * near_imag
        weight = tl.load(column_weights + j * ROWS + r)  # (R, 1)
        real += weight * row_real
        imag += weight * row_imag
    y = start + r
    channel = plane // kernels * channels + tl.load(places + plane % kernels)
    keep = (x < width) & (y < height)
    inverse = tl.load(inverses + plane // kernels)
    _sink(out, (channel * height + y) * width + x, real, imag, inverse, keep, PART)


@triton.jit
def _sink(out, pixel, real, imag, inverse, keep, PART: tl.constexpr):
    """Store a response to a scaled picture, or what is wanted of it; complex numbers as pairs.

    The inverse of the scale is a power of two; squares are made before it.
    """
    if PART == "complex":
        part = tl.arange(0, 2)[None, None, :]
        pair = tl.join(real * inverse, imag * inverse)  # (R, X, 2)
        tl.store(out + pixel[:, :, None] * 2 + part, pair, mask=keep[:, :, None])
    elif PART == "real":
        tl.store(out + pixel, real * inverse, mask=keep)
    elif PART == "imag":
        tl.store(out + pixel, imag * inverse, mask=keep)
    else:
        energy = real * real + imag * imag
        value = tl.sqrt(energy) if PART == "magnitude" else energy * inverse
        tl.store(out + pixel, value * inverse, mask=keep)
