/* Halving pictures, and doubling the responses of halved pictures, for one precision.

   The filter of both is half-band: of its taps at even distances only the centre is not zero. Tap j
   of `taps` lies at distance 2 j + 1 on both sides. */

/* Every second sample of a low-passed line. The line starts `count` pairs before the first. */
INLINE void NAME(halve_line)(const REAL *even, const REAL *odd, const REAL *taps, int count,
                             ptrdiff_t size, REAL *out) {
    for (ptrdiff_t i = 0; i < size; i++)
        out[i] = even[i + count] / 2;
    for (int j = 0; j < count; j++)
        for (ptrdiff_t i = 0; i < size; i++)
            out[i] += taps[j] * (odd[i + count + j] + odd[i + count - 1 - j]);
}

/* Halve rows, then columns; returns 1 without memory.

   The halved picture has size (rows_out, columns_out). Its samples lie on the even ones of the
   padded picture, whose sources are rows[0 .. 2 rows_out + 4 count) and columns likewise: the
   first halved sample lies at 2 count. `line` threads take rows in turn by `next`. */
EXPORT int NAME(halve)(const struct picture *picture, const REAL *taps, int count, int64_t rows_out,
                       int64_t columns_out, REAL *between, REAL *out, int64_t *next,
                       int64_t phase) {
    const ptrdiff_t half = columns_out + 2 * count;
    if (phase == 0) {
        REAL *memory = malloc(2 * half * sizeof(REAL));
        if (!memory)
            return 1;
        REAL *even = memory, *odd = memory + half;
        int64_t row;
        while ((row = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) <
               picture->images * picture->height) {
            const int64_t which = row / picture->height, y = row % picture->height;
            const REAL level = (REAL)picture->levels[which];
            const REAL *line =
                (const REAL *)picture->image + which * picture->image_stride + y * picture->stride;
            for (ptrdiff_t i = 0; i < half; i++) {
                const int64_t a = picture->columns[2 * i], b = picture->columns[2 * i + 1];
                even[i] = (a < 0 ? 0 : line[a]) - level;
                odd[i] = (b < 0 ? 0 : line[b]) - level;
            }
            NAME(halve_line)(even, odd, taps, count, columns_out, between + row * columns_out);
        }
        free(memory);
        return 0;
    }
    int64_t item;
    while ((item = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < picture->images * rows_out) {
        const int64_t which = item / rows_out, y = item % rows_out;
        const int64_t *sources = picture->rows + 2 * y + 2 * count;
        const REAL *plane = between + which * picture->height * columns_out;
        const REAL outside = -(REAL)picture->levels[which];
        REAL *to = out + item * columns_out;
#define ROW(place) (plane + sources[place] * columns_out)
        for (ptrdiff_t x = 0; x < columns_out; x++)
            to[x] = (sources[0] < 0 ? outside : ROW(0)[x]) / 2;
        for (int j = 0; j < count; j++) {
            const int64_t ahead = sources[2 * j + 1], behind = sources[-2 * j - 1];
            if (ahead >= 0 && behind >= 0) {
                const REAL *a = plane + ahead * columns_out, *b = plane + behind * columns_out;
                for (ptrdiff_t x = 0; x < columns_out; x++)
                    to[x] += taps[j] * (a[x] + b[x]);
            } else {
                for (ptrdiff_t x = 0; x < columns_out; x++)
                    to[x] += taps[j] * ((ahead < 0 ? outside : plane[ahead * columns_out + x]) +
                                        (behind < 0 ? outside : plane[behind * columns_out + x]));
            }
        }
#undef ROW
    }
    return 0;
}

/* A row of `size` doubled samples, from coarse ones: the even are the coarse ones themselves. */
INLINE void NAME(double_line)(const REAL *coarse, const REAL *taps, int count, ptrdiff_t size,
                              REAL *out) {
    for (ptrdiff_t i = 0; i < size; i += LANES) {
        VECTOR sum = {0};
        for (int j = 0; j < count; j++)
            sum += taps[j] * (LOAD(coarse + i + 1 + j) + LOAD(coarse + i - j));
        const VECTOR here = LOAD(coarse + i);
        STORE(out + 2 * i, NAME(low)(here, sum));
        STORE(out + 2 * i + LANES, NAME(high)(here, sum));
    }
}

/* A tile's width of a doubled row, from lines that are doubled along x and held in a ring.

   An even row lies on the line `centre`; an odd one between that and the next. */
INLINE void NAME(double_row)(const REAL *lines, ptrdiff_t length, ptrdiff_t ring, ptrdiff_t centre,
                             int odd, const REAL *taps, int count, REAL bias, VECTOR *sums) {
#define LINE(row) (lines + ((row) & (ring - 1)) * length)
#pragma unroll
    for (int v = 0; v < VECTORS; v++)
        sums[v] = bias + (odd ? (VECTOR){0} : LOAD(LINE(centre) + v * LANES));
    for (int j = 0; odd && j < count; j++) {
        const REAL *ahead = LINE(centre + 1 + j), *behind = LINE(centre - j);
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            sums[v] += taps[j] * (LOAD(ahead + v * LANES) + LOAD(behind + v * LANES));
    }
#undef LINE
}

/* Double responses, take pieces by `next`; returns 1 without memory.

   `coarse` holds two planes, real and imaginary part, of size (coarse_height, coarse_width) for
   each image and kernel, and after them as many numbers as a tile may reach beyond a row. Sample
   (0, 0) of the doubled responses lies on coarse sample (first_row, first_column), at least `count`
   each; `taps` are twice the filter's. `biases` are added, two for each image and kernel. */
EXPORT int NAME(twice)(const REAL *coarse, int64_t coarse_height, int64_t coarse_width,
                       int64_t first_row, int64_t first_column, const REAL *taps, int count,
                       const REAL *biases, int64_t images, int64_t kernels, int64_t height,
                       int64_t width, const struct job *job, int64_t *next, double *sums) {
    const ptrdiff_t wide = 4 * TILE, plane = coarse_height * coarse_width;
    ptrdiff_t ring = 4; /* lines held of each part; a power of two */
    while (ring < 2 * count + 1)
        ring *= 2;
    REAL *memory = malloc((2 * ring * wide + 2 * TILE) * sizeof(REAL) + TILE_BYTES);
    if (!memory)
        return 1;
    REAL *lines = (REAL *)(((uintptr_t)memory + TILE_BYTES - 1) & ~(uintptr_t)(TILE_BYTES - 1));
    REAL *spare = lines + 2 * ring * wide;
    const int64_t tiles = (width + wide - 1) / wide, bands = (height + job->band - 1) / job->band;
    int64_t piece = -1;
    int k = (int)kernels; /* kernels that are compared take turns: a piece is one thread's */
    for (;;) {
        if (++k >= kernels) {
            piece = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED), k = 0;
            if (piece >= images * bands * tiles)
                break;
        }
        const ptrdiff_t left = piece % tiles * wide, top = piece / tiles % bands * job->band;
        const int64_t which = piece / (tiles * bands);
        const ptrdiff_t bottom = top + job->band < height ? top + job->band : height;
        const REAL *real = coarse + 2 * (which * kernels + k) * plane;
        const REAL *bias = biases + 2 * (which * kernels + k);
        /* Coarse rows below this one are doubled along x. */
        ptrdiff_t ready = top / 2 + first_row - count;
        for (ptrdiff_t y = top; y < bottom; y++) {
            const ptrdiff_t centre = y / 2 + first_row;
            for (; ready <= centre + count; ready++) {
                const REAL *row = real + ready * coarse_width + left / 2 + first_column;
                REAL *line = lines + (ready & (ring - 1)) * wide;
                NAME(double_line)(row, taps, count, wide / 2, line);
                NAME(double_line)(row + plane, taps, count, wide / 2, line + ring * wide);
            }
            for (ptrdiff_t x = 0; x < wide && left + x < width; x += TILE) {
                VECTOR sums_real[VECTORS], sums_imag[VECTORS];
                const ptrdiff_t rest = width - left - x;
                NAME(double_row)(lines + x, wide, ring, centre, y % 2, taps, count, bias[0],
                                 sums_real);
                NAME(double_row)(lines + ring * wide + x, wide, ring, centre, y % 2, taps, count,
                                 bias[1], sums_imag);
                NAME(finish)(job, sums_real, sums_imag, k,
                             which * job->out_stride + y * width + left + x,
                             rest < TILE ? (int)rest : TILE, spare, sums + which * 2 * kernels);
            }
        }
    }
    free(memory);
    return 0;
}
