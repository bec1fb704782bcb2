/* Halving pictures, and doubling the responses of halved pictures, for one precision.

   The filter of both is half-band: of its taps at even distances only the centre is not zero. Tap j
   of `taps` lies at distance 2 j + 1 on both sides. */

/* Add a strip of the sums of the samples on both sides: the nearest lie on `centre` and behind. */
INLINE void NAME(add_around)(const REAL *centre, const REAL *taps, int count, VECTOR *sums) {
    for (int j = 0; j < count; j++)
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            sums[v] += taps[j] * (LOAD(centre + 1 + j + v * LANES) + LOAD(centre - j + v * LANES));
}

/* The same across lines: from `x` on, of the lines lines[-count .. count). */
INLINE void NAME(add_lines)(const REAL *const *lines, ptrdiff_t x, const REAL *taps, int count,
                            VECTOR *sums) {
    for (int j = 0; j < count; j++) {
        const REAL *ahead = lines[j] + x, *behind = lines[-1 - j] + x;
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            sums[v] += taps[j] * (LOAD(ahead + v * LANES) + LOAD(behind + v * LANES));
    }
}

/* A strip, of which only numbers below `size` are wanted, from place `x` on. */
INLINE void NAME(keep)(REAL *line, ptrdiff_t x, ptrdiff_t size, const VECTOR *values, REAL *spare) {
    const ptrdiff_t rest = size - x;
    NAME(put)(rest < STRIP ? spare : line + x, values, VECTORS, 0);
    if (rest < STRIP)
        memcpy(line + x, spare, rest * sizeof(REAL));
}

/* ---- halving ----

   A halved picture has size (rows_out, columns_out). Its samples lie on the even ones of the padded
   picture, whose sources are rows[0 .. 2 rows_out + 4 count) and columns likewise: the first halved
   sample lies at 2 count. */

static size_t NAME(halve_numbers)(const struct halving *work) {
    /* Lines of samples, and the places of others. */
    return 4 * (work->columns_out + 2 * work->count + STRIP) +
           (2 * LINES + 4 * work->count) * sizeof(REAL *) / sizeof(REAL);
}

/* Rows of the picture, which become half as long. */
static void NAME(halve_rows)(const struct halving *work, int64_t piece, REAL *memory,
                             const NAME(desk) * desk) {
    const struct picture *picture = &work->picture;
    const ptrdiff_t size = work->columns_out, half = size + 2 * work->count;
    REAL *padded = memory, *even = padded + 2 * half + LANES, *odd = even + half + STRIP;
    const int64_t all = picture->images * picture->height;
    for (int64_t row = piece * LINES; row < (piece + 1) * LINES && row < all; row++) {
        const int64_t which = row / picture->height, y = row % picture->height;
        NAME(samples)((const REAL *)picture->image + which * picture->image_stride +
                          y * picture->stride,
                      picture->columns, 2 * half, (REAL)picture->levels[which], padded);
        for (ptrdiff_t i = 0; i < half; i++)
            even[i] = padded[2 * i], odd[i] = padded[2 * i + 1];
        REAL *between = (REAL *)work->between + row * size;
        for (ptrdiff_t x = 0; x < size; x += STRIP) {
            const REAL *here = even + x + work->count;
            VECTOR sums[VECTORS];
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                sums[v] = LOAD(here + v * LANES) / 2;
            NAME(add_around)(odd + x + work->count - 1, work->taps, work->count, sums);
            NAME(keep)(between, x, size, sums, desk->spare);
        }
    }
}

/* Every second row of what the rows have become: a few rows of one image, a strip at a time. */
static void NAME(halve_columns)(const struct halving *work, int64_t piece, REAL *memory,
                                const NAME(desk) * desk) {
    const ptrdiff_t size = work->columns_out;
    const int count = work->count;
    const int64_t bands = (work->rows_out + LINES - 1) / LINES;
    const int64_t which = piece / bands, top = piece % bands * LINES;
    const int rows = (int)(work->rows_out - top < LINES ? work->rows_out - top : LINES);
    const REAL *plane = (const REAL *)work->between + which * work->picture.height * size;
    const int64_t *sources = work->picture.rows + 2 * top;
    const REAL **lines = (const REAL **)memory;
    REAL *outside = memory + (2 * LINES + 4 * count) * sizeof(REAL *) / sizeof(REAL);
    for (ptrdiff_t x = 0; x < size; x++)
        outside[x] = -(REAL)work->picture.levels[which];
    /* The even lines, then the odd ones. */
    const int half = rows + 2 * count;
    for (int i = 0; i < 2 * half; i++)
        lines[i % 2 * half + i / 2] = sources[i] < 0 ? outside : plane + sources[i] * size;
    for (ptrdiff_t x = 0; x < size; x += STRIP)
        for (int y = 0; y < rows; y++) {
            VECTOR sums[VECTORS];
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                sums[v] = LOAD(lines[y + count] + x + v * LANES) / 2;
            NAME(add_lines)(lines + half + y + count, x, work->taps, count, sums);
            NAME(keep)((REAL *)work->out + (which * work->rows_out + top + y) * size, x, size, sums,
                       desk->spare);
        }
}

/* ---- doubling ----

   `coarse` holds two planes, real and imaginary part, of size (coarse_height, coarse_width) for
   each image and kernel, and after them as many numbers as a tile may reach beyond a row. Sample
   (0, 0) of the doubled responses lies on coarse sample (first_row, first_column), at least `count`
   each; `taps` are twice the filter's. `biases` are added, two for each image and kernel. */

/* Lines that are held of each part: a power of two. */
INLINE ptrdiff_t NAME(ring_of)(const struct doubling *work) {
    ptrdiff_t ring = 4;
    while (ring < 2 * work->count + 1)
        ring *= 2;
    return ring;
}

static size_t NAME(double_numbers)(const struct doubling *work) {
    return 2 * NAME(ring_of)(work) * DOUBLED * TILE +
           4 * work->count * sizeof(REAL *) / sizeof(REAL);
}

/* A row of `size` doubled samples, from coarse ones: the even are the coarse ones themselves. */
INLINE void NAME(double_line)(const REAL *coarse, const REAL *taps, int count, ptrdiff_t size,
                              REAL *out) {
    for (ptrdiff_t i = 0; i < size / 2; i += STRIP) {
        VECTOR sums[VECTORS] = {0}, both[2 * VECTORS];
        NAME(add_around)(coarse + i, taps, count, sums);
#pragma unroll
        for (int v = 0; v < VECTORS; v++) {
            const VECTOR here = LOAD(coarse + i + v * LANES);
            both[2 * v] = NAME(low)(here, sums[v]), both[2 * v + 1] = NAME(high)(here, sums[v]);
        }
        NAME(put)(out + 2 * i, both, 2 * VECTORS, 0);
    }
}

/* Double `together` responses in DOUBLED tiles' width of `band` rows. */
static void NAME(twice)(const struct doubling *work, int64_t piece, REAL *memory,
                        const NAME(desk) * desk) {
    const struct job *job = &work->job;
    const ptrdiff_t wide = DOUBLED * TILE, ring = NAME(ring_of)(work);
    const ptrdiff_t plane = work->coarse_height * work->coarse_width;
    const ptrdiff_t height = work->height, width = work->width;
    const int count = work->count;
    const REAL *taps = work->taps;
    REAL *rings[2] = {memory, memory + ring * wide};
    const REAL **lines[2] = {(const REAL **)(memory + 2 * ring * wide) + count};
    lines[1] = lines[0] + 2 * count;
    const int64_t tiles = (width + wide - 1) / wide, bands = (height + job->band - 1) / job->band;
    const int64_t turns = (job->kernels + work->together - 1) / work->together;
    const ptrdiff_t left = piece % tiles * wide, top = piece / tiles % bands * job->band;
    const ptrdiff_t bottom = top + job->band < height ? top + job->band : height;
    const int64_t which = piece / (tiles * bands * turns);
    const int first = (int)(piece / (tiles * bands) % turns * work->together);
    for (int k = first; k < first + work->together && k < job->kernels; k++) {
        const ptrdiff_t part = which * job->kernels + k;
        const REAL *from = (const REAL *)work->coarse + 2 * part * plane;
        const REAL *bias = (const REAL *)work->biases + 2 * part;
        /* Coarse rows below this one are doubled along x. */
        ptrdiff_t ready = top / 2 + work->first_row - count + 1;
#define LINE(part, row) (rings[part] + ((row) & (ring - 1)) * wide)
        for (ptrdiff_t y = top; y < bottom && !is_stopped(desk->stop); y++) {
            const ptrdiff_t centre = y / 2 + work->first_row;
            for (; ready <= centre + count; ready++)
                for (int part = 0; part < 2; part++)
                    NAME(double_line)(from + part * plane + ready * work->coarse_width + left / 2 +
                                          work->first_column,
                                      taps, count, wide, LINE(part, ready));
            for (int part = 0; y % 2 && part < 2; part++)
                for (int j = -count; j < count; j++)
                    lines[part][j] = LINE(part, centre + 1 + j);
            for (ptrdiff_t x = 0; x < wide && left + x < width; x += STRIP) {
                const ptrdiff_t rest = width - left - x;
                VECTOR sums[2][VECTORS];
#pragma unroll
                for (int part = 0; part < 2; part++) {
                    /* An even row lies on the line `centre`; an odd one between it and the next. */
#pragma unroll
                    for (int v = 0; v < VECTORS; v++)
                        sums[part][v] =
                            bias[part] +
                            (y % 2 ? (VECTOR){0} : LOAD(LINE(part, centre) + x + v * LANES));
                    if (y % 2)
                        NAME(add_lines)(lines[part], x, taps, count, sums[part]);
                }
                NAME(finish)(job, sums[0], sums[1], k, which, y * width + left + x,
                             rest < STRIP ? (int)rest : STRIP, desk);
            }
        }
#undef LINE
    }
    NAME(settle)(job, which, desk);
}
