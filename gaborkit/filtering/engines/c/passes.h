/* Filtering with a bank of one radius, for one precision and one register width.

   A picture is cut into tiles of TILE columns and bands of rows. In a tile, the picture's rows that
   some output rows need are convolved with all row filters; every product of a row filter and a
   column filter is made for these output rows; responses are mixed from the products and written.
   What lies between stays in the caches of one core: the picture is read once, each response is
   written once. */

/* Convolve `wide` vectors of samples with filters of definite parity.

   An even filter sees only the sum of the samples at distance k on both sides and an odd one only
   their difference: one multiplication for two taps, and one addition for all filters together.
   `step` is the distance of neighbouring samples and `plane` that of outputs. Taps lie as
   (k, filter), even filters first. */
INLINE void NAME(convolve)(const REAL *centre, ptrdiff_t step, const REAL *taps, int radius,
                           REAL *out, ptrdiff_t plane, const int even, const int odd,
                           const int wide) {
    const int filters = even + odd;
    VECTOR sums[4][4], weights[4];
#pragma unroll
    for (int j = 0; j < wide; j++) {
        const VECTOR here = LOAD(centre + j * LANES);
#pragma unroll
        for (int f = 0; f < filters; f++)
            sums[f][j] = f < even ? taps[f] * here : (VECTOR){0};
    }
    const REAL *ahead = centre, *behind = centre;
    for (int k = 1; k <= radius; k++) {
        ahead += step, behind -= step, taps += filters;
#pragma unroll
        for (int f = 0; f < filters; f++)
            weights[f] = (VECTOR){0} + taps[f];
#pragma unroll
        for (int j = 0; j < wide; j++) {
            const VECTOR after = LOAD(ahead + j * LANES), before = LOAD(behind + j * LANES);
            const VECTOR sum = before + after, difference = before - after;
#pragma unroll
            for (int f = 0; f < filters; f++)
                sums[f][j] += weights[f] * (f < even ? sum : difference);
            /* Without it, loads are gathered far ahead and the sums spill out of registers. */
            __asm__ volatile("" ::: "memory");
        }
    }
#pragma unroll
    for (int f = 0; f < filters; f++)
#pragma unroll
        for (int j = 0; j < wide; j++)
            STORE(out + f * plane + j * LANES, sums[f][j]);
}

/* A tile's width of some rows, convolved with all filters of one group.

   `row` and `out_row` are the distances of rows; see convolve. */
static void NAME(pass)(const struct group *group, const REAL *taps, int radius, const REAL *centre,
                       ptrdiff_t step, ptrdiff_t row, REAL *out, ptrdiff_t plane, int rows) {
    taps += group->taps;
#define CASE(even, odd)                                                                            \
    case 3 * (even) + (odd): {                                                                     \
        /* As many vectors as there are registers for. */                                          \
        const int wide = 5 * ((even) + (odd)) + 2 <= REGISTERS ? 4 : 2;                            \
        for (int y = 0; y < rows; y++)                                                             \
            for (int j = 0; j < TILE; j += wide * LANES)                                           \
                NAME(convolve)(centre + y * row + j, step, taps, radius, out + y * TILE + j,       \
                               plane, even, odd, wide);                                            \
        break;                                                                                     \
    }
    switch (3 * group->even + group->odd) {
        CASE(0, 1)
        CASE(1, 0)
        CASE(1, 1)
        CASE(0, 2)
        CASE(2, 0)
        CASE(1, 2)
        CASE(2, 1)
        CASE(2, 2)
    }
#undef CASE
}

/* Samples of a padded line, less the level; at least one vector of them. */
static void NAME(samples)(const REAL *line, const int64_t *columns, ptrdiff_t size, REAL level,
                          REAL *out) {
    for (ptrdiff_t i = 0; i < size; i += LANES) {
        const ptrdiff_t x = i + LANES <= size ? i : size - LANES;
        const int64_t first = columns[x], last = columns[x + LANES - 1];
        if (first >= 0 && last - first == LANES - 1) /* neighbours all along */
            STORE(out + x, LOAD(line + first) - level);
        else if (last >= 0 && first - last == LANES - 1 && columns[x + 1] == first - 1)
            STORE(out + x, NAME(reversed)(LOAD(line + last)) - level); /* mirrored */
        else
            for (int l = 0; l < LANES; l++)
                out[x + l] = (columns[x + l] < 0 ? 0 : line[columns[x + l]]) - level;
    }
}

/* Samples of one padded row under a tile; `later` is a row that will soon be asked for. */
static void NAME(window)(const struct picture *picture, int64_t which, int radius, ptrdiff_t row,
                         ptrdiff_t later, ptrdiff_t left, REAL *window) {
    const ptrdiff_t size = TILE + 2 * radius, y = picture->rows[row], next = picture->rows[later];
    const REAL level = (REAL)picture->levels[which];
    const REAL *image = (const REAL *)picture->image + which * picture->image_stride;
    const int64_t *columns = picture->columns + left;
    for (ptrdiff_t i = 0; next >= 0 && i < size; i += 64 / sizeof(REAL))
        __builtin_prefetch(image + next * picture->stride + (columns[i] < 0 ? 0 : columns[i]));
    if (y >= 0)
        NAME(samples)(image + y * picture->stride, columns, size, level, window);
    for (ptrdiff_t i = 0; y < 0 && i < size; i++)
        window[i] = -level;
}

/* A strip of the real (2 k) or imaginary part (2 k + 1) of response k. */
INLINE void NAME(mix)(const struct bank *bank, const REAL *biases, const REAL *products,
                      ptrdiff_t plane, int part, VECTOR *sums) {
    const REAL *weights = bank->weights;
#pragma unroll
    for (int j = 0; j < VECTORS; j++)
        sums[j] = (VECTOR){0} + biases[part];
    for (int32_t t = bank->starts[part]; t < bank->starts[part + 1]; t++) {
        const VECTOR weight = (VECTOR){0} + weights[t];
        const REAL *product = products + bank->terms[t] * plane;
#pragma unroll
        for (int j = 0; j < VECTORS; j++)
            sums[j] += weight * LOAD(product + j * LANES);
    }
}

/* Numbers of memory that a piece takes. */
static size_t NAME(filter_numbers)(const struct filtering *work) {
    const struct bank *bank = &work->bank;
    const size_t held = (2 * bank->radius + AHEAD) * TILE;
    return bank->row_filters * held + BLOCK * (bank->products * TILE + TILE + 2 * bank->radius);
}

/* A piece of the picture: a tile's width of `band` rows. */
static void NAME(filter)(const struct filtering *work, int64_t piece, REAL *memory,
                         const NAME(desk) * desk) {
    const struct bank *bank = &work->bank;
    const struct picture *picture = &work->picture;
    const struct job *job = &work->job;
    const int radius = bank->radius;
    const ptrdiff_t reach = 2 * radius, height = picture->height, width = picture->width;
    const ptrdiff_t held = (reach + AHEAD) * TILE, plane = BLOCK * TILE;
    REAL *rows = memory, *products = rows + bank->row_filters * held;
    REAL *windows = products + bank->products * plane;
    const struct group *column_groups = bank->groups + bank->row_groups;
    const int64_t tiles = (width + TILE - 1) / TILE, bands = (height + job->band - 1) / job->band;
    const int64_t which = piece / (bands * tiles);
    const REAL *biases = (const REAL *)bank->biases + which * 2 * job->kernels;
    const ptrdiff_t left = piece % tiles * TILE, top = piece / tiles % bands * job->band;
    const ptrdiff_t bottom = top + job->band < height ? top + job->band : height;
    const int valid = width - left < TILE ? (int)(width - left) : TILE;
    ptrdiff_t slot = 0, row = top; /* of the next row pass */
    for (ptrdiff_t y = top; y < bottom && !is_stopped(desk->stop); y += AHEAD) {
        const ptrdiff_t count = bottom - y < AHEAD ? bottom - y : AHEAD;
        while (row < y + count + reach) {
            const ptrdiff_t rest = y + count + reach - row, size = rest < BLOCK ? rest : BLOCK;
            for (ptrdiff_t i = row; i < row + size; i++)
                NAME(window)(picture, which, radius, i,
                             i + BLOCK < height + reach ? i + BLOCK : height + reach - 1, left,
                             windows + (i - row) * (TILE + reach));
            for (const struct group *group = bank->groups; group < column_groups; group++)
                NAME(pass)(group, bank->taps, radius, windows + radius, 1, TILE + reach,
                           rows + group->first * held + slot * TILE, held, (int)size);
            row += size, slot += size;
        }
        for (ptrdiff_t block = 0; block < count; block += BLOCK) {
            const int size = (int)(count - block < BLOCK ? count - block : BLOCK);
            for (int g = 0; g < bank->column_groups; g++) {
                const struct group *group = column_groups + g;
                NAME(pass)(group, bank->taps, radius,
                           rows + group->source * held + (block + radius) * TILE, TILE, TILE,
                           products + group->first * plane, plane, size);
            }
            for (int k = 0; k < job->kernels; k++)
                for (int i = 0; i < size; i++)
                    for (int x = 0; x < valid; x += STRIP) {
                        const REAL *from = products + i * TILE + x;
                        VECTOR real[VECTORS], imag[VECTORS];
                        NAME(mix)(bank, biases, from, plane, 2 * k, real);
                        NAME(mix)(bank, biases, from, plane, 2 * k + 1, imag);
                        NAME(finish)(job, real, imag, k, which, (y + block + i) * width + left + x,
                                     valid - x < STRIP ? valid - x : STRIP, desk);
                    }
        }
        /* The last rows of this batch are the first ones of the next. */
        for (int f = 0; f < bank->row_filters && y + count < bottom; f++)
            memmove(rows + f * held, rows + f * held + count * TILE, reach * TILE * sizeof(REAL));
        slot = reach;
    }
    NAME(settle)(job, which, desk);
}
