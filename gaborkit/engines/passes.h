/* Filtering with a bank of one radius, for one precision and one register width.

   separable.c includes this for each precision, with REAL and NAME(x) defined. A picture is cut
   into tiles of TILE columns and bands of rows. In a tile, the picture's rows that some output rows
   need are convolved with all row filters; every product of a row filter and a column filter is
   made for these output rows; responses are mixed from the products and written. What lies between
   stays in the caches of one core: the picture is read once, each response is written once. */

#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))
#define TILE ((int)(TILE_BYTES / sizeof(REAL)))
#define VECTORS (TILE / LANES)

typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL NAME(unaligned) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL))));
#define VECTOR NAME(vector)
#define LOAD(from) ((VECTOR)(*(const NAME(unaligned) *)(from)))
#define STORE(to, value) (*(NAME(unaligned) *)(to) = (value))

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

/* A tile's width of one row, convolved with all filters of one group. */
static void NAME(pass)(const struct group *group, const REAL *taps, int radius, const REAL *centre,
                       ptrdiff_t step, REAL *out, ptrdiff_t plane) {
    taps += group->taps;
#define CASE(even, odd, most)                                                                      \
    case 3 * (even) + (odd): {                                                                     \
        const int wide = (most) < VECTORS ? (most) : VECTORS;                                      \
        for (int j = 0; j < TILE; j += wide * LANES)                                               \
            NAME(convolve)(centre + j, step, taps, radius, out + j, plane, even, odd, wide);       \
        break;                                                                                     \
    }
    switch (3 * group->even + group->odd) {
        CASE(0, 1, 4)
        CASE(1, 0, 4)
        CASE(1, 1, 4)
        CASE(0, 2, 4)
        CASE(2, 0, 4)
        CASE(1, 2, 2)
        CASE(2, 1, 2)
        CASE(2, 2, 2)
    }
#undef CASE
}

/* Samples of one padded row under a tile, less the level: TILE + 2 radius of them. */
static void NAME(window)(const struct picture *picture, int64_t which, int radius, ptrdiff_t row,
                         ptrdiff_t left, REAL *window) {
    const ptrdiff_t size = TILE + 2 * radius, y = picture->rows[row];
    const REAL level = (REAL)picture->levels[which];
    const REAL *image = (const REAL *)picture->image + which * picture->image_stride;
    const REAL *line = image + (y < 0 ? 0 : y * picture->stride);
    const int64_t *columns = picture->columns + left;
    if (y < 0) {
        for (ptrdiff_t i = 0; i < size; i++)
            window[i] = -level;
    } else if (columns[0] >= 0 && columns[size - 1] - columns[0] == size - 1) {
        for (ptrdiff_t i = 0; i < size; i++)
            window[i] = line[columns[0] + i] - level;
    } else {
        for (ptrdiff_t i = 0; i < size; i++)
            window[i] = (columns[i] < 0 ? 0 : line[columns[i]]) - level;
    }
}

/* A tile's width of the real (2 k) or imaginary part (2 k + 1) of response k. */
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

/* A tile's width of one part of a response, from its real and imaginary part. */
INLINE void NAME(emit)(const VECTOR *real, const VECTOR *imag, REAL *to, ptrdiff_t split,
                       const int part, const int stream) {
#define PUT(place, value)                                                                          \
    do {                                                                                           \
        if (stream)                                                                                \
            __builtin_nontemporal_store(value, (VECTOR *)(to + (place)));                          \
        else                                                                                       \
            STORE(to + (place), value);                                                            \
    } while (0)
#pragma unroll
    for (int j = 0; j < VECTORS; j++) {
        if (part == COMPLEX) {
            PUT(2 * j * LANES, NAME(low)(real[j], imag[j]));
            PUT((2 * j + 1) * LANES, NAME(high)(real[j], imag[j]));
        } else if (part == SPLIT) {
            STORE(to + j * LANES, real[j]);
            STORE(to + split + j * LANES, imag[j]);
        } else if (part == MAGNITUDE) {
            PUT(j * LANES, __builtin_elementwise_sqrt(real[j] * real[j] + imag[j] * imag[j]));
        } else if (part == ENERGY) {
            PUT(j * LANES, real[j] * real[j] + imag[j] * imag[j]);
        } else {
            PUT(j * LANES, part == REAL_PART ? real[j] : imag[j]);
        }
    }
#undef PUT
}

/* A tile's width of one row of response k: stored, summed, or compared.

   What is stored is written past the caches where the address allows: nobody reads it here again.
 */
INLINE void NAME(finish)(const struct job *job, const VECTOR *real, const VECTOR *imag, int k,
                         ptrdiff_t place, int valid, REAL *spare, double *sums) {
    const int numbers = job->part == COMPLEX ? 2 : 1;
    REAL *to = (REAL *)job->outs[k] + numbers * place;
    const int direct = job->use == STORED && valid == TILE;
    const int stream = direct && ((uintptr_t)to & (VECTOR_BYTES - 1)) == 0;
    REAL *into = direct ? to : spare;
    const ptrdiff_t split = direct ? job->split : TILE;
#define CASE(name)                                                                                 \
    case name:                                                                                     \
        if (stream)                                                                                \
            NAME(emit)(real, imag, into, split, name, 1);                                          \
        else                                                                                       \
            NAME(emit)(real, imag, into, split, name, 0);                                          \
        break;
    switch (job->part) {
        CASE(COMPLEX)
        CASE(REAL_PART)
        CASE(IMAG)
        CASE(MAGNITUDE)
        CASE(ENERGY)
        CASE(SPLIT)
    }
#undef CASE
    if (direct)
        return;
    if (job->use == STORED) {
        memcpy(to, spare, numbers * valid * sizeof(REAL));
        if (job->part == SPLIT)
            memcpy(to + job->split, spare + TILE, valid * sizeof(REAL));
    } else if (job->use == SUMMED) {
        double sum = 0, squares = 0;
        for (int i = 0; i < valid; i++)
            sum += spare[i], squares += (double)spare[i] * spare[i];
        sums[2 * k] += sum, sums[2 * k + 1] += squares;
    } else {
        int16_t *index = (int16_t *)job->indices[k] + place;
        for (int i = 0; i < valid; i++) {
            index[i] = spare[i] > to[i] ? job->names[k] : index[i];
            to[i] = spare[i] > to[i] ? spare[i] : to[i];
        }
    }
}

/* Take pieces of the picture, numbered by `next`, until none is left; returns 1 without memory. */
EXPORT int NAME(filter)(const struct bank *bank, const struct picture *picture,
                        const struct job *job, int64_t *next, double *sums) {
    const int radius = bank->radius;
    const ptrdiff_t reach = 2 * radius, height = picture->height, width = picture->width;
    const ptrdiff_t held = (reach + AHEAD) * TILE, plane = BLOCK * TILE;
    const size_t numbers =
        bank->row_filters * held + bank->products * plane + 2 * TILE + (TILE + reach + LANES);
    void *memory = malloc(numbers * sizeof(REAL) + TILE_BYTES);
    if (!memory)
        return 1;
    REAL *rows = (REAL *)(((uintptr_t)memory + TILE_BYTES - 1) & ~(uintptr_t)(TILE_BYTES - 1));
    REAL *products = rows + bank->row_filters * held;
    REAL *spare = products + bank->products * plane;
    REAL *window = spare + 2 * TILE;
    const struct group *column_groups = bank->groups + bank->row_groups;
    const int64_t tiles = (width + TILE - 1) / TILE, bands = (height + job->band - 1) / job->band;
    int64_t piece;
    while ((piece = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) <
           picture->images * bands * tiles) {
        const int64_t which = piece / (bands * tiles);
        const REAL *biases = (const REAL *)bank->biases + which * 2 * bank->kernels;
        const ptrdiff_t left = piece % tiles * TILE, top = piece / tiles % bands * job->band;
        const ptrdiff_t bottom = top + job->band < height ? top + job->band : height;
        const int valid = width - left < TILE ? (int)(width - left) : TILE;
        ptrdiff_t slot = 0, row = top; /* of the next row pass */
        for (ptrdiff_t y = top; y < bottom; y += AHEAD) {
            const ptrdiff_t count = bottom - y < AHEAD ? bottom - y : AHEAD;
            for (; row < y + count + reach; row++, slot++) {
                NAME(window)(picture, which, radius, row, left, window);
                for (const struct group *group = bank->groups; group < column_groups; group++)
                    NAME(pass)(group, bank->taps, radius, window + radius, 1,
                               rows + group->first * held + slot * TILE, held);
            }
            for (ptrdiff_t block = 0; block < count; block += BLOCK) {
                const ptrdiff_t size = count - block < BLOCK ? count - block : BLOCK;
                for (int g = 0; g < bank->column_groups; g++) {
                    const struct group *group = column_groups + g;
                    const REAL *centre = rows + group->source * held + (block + radius) * TILE;
                    for (ptrdiff_t i = 0; i < size; i++)
                        NAME(pass)(group, bank->taps, radius, centre + i * TILE, TILE,
                                   products + group->first * plane + i * TILE, plane);
                }
                for (int k = 0; k < bank->kernels; k++)
                    for (ptrdiff_t i = 0; i < size; i++) {
                        const ptrdiff_t place = (y + block + i) * width + left;
                        VECTOR real[VECTORS], imag[VECTORS];
                        NAME(mix)(bank, biases, products + i * TILE, plane, 2 * k, real);
                        NAME(mix)(bank, biases, products + i * TILE, plane, 2 * k + 1, imag);
                        NAME(finish)(job, real, imag, k, which * job->out_stride + place, valid,
                                     spare, sums + which * 2 * bank->kernels);
                    }
            }
            /* The last rows of this batch are the first ones of the next. */
            for (int f = 0; f < bank->row_filters && y + count < bottom; f++)
                memmove(rows + f * held, rows + f * held + count * TILE,
                        reach * TILE * sizeof(REAL));
            slot = reach;
        }
    }
    free(memory);
    return 0;
}
