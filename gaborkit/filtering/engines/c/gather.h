/* Sums over kernels of the conjugate transfer function times the transform of the kernel's channel,
   for one precision: the adjoint of filtering on a torus.

   A transfer function is the product of a column and a row, less some of a Gaussian's. Lanes are
   columns while channels are transformed along y, then rows: what a kernel does not see of the rows
   is left out between them. */

/* Lanes of all lines abreast. */
#define ALL ((int)(ABREAST * PLANES))

typedef REAL NAME(unaligned_octet)
    __attribute__((vector_size(PLANES * sizeof(REAL)), aligned(sizeof(REAL))));

/* Eight lanes of eight numbers become eight numbers of eight lanes. */
INLINE void NAME(transpose)(OCTET *numbers) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const OCTET a = numbers[i], b = numbers[i + 4];
        numbers[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        numbers[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const int i = j / 2 * 4 + j % 2;
        const OCTET a = numbers[i], b = numbers[i + 2];
        numbers[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
        numbers[i + 2] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma unroll
    for (int i = 0; i < PLANES; i += 2) {
        const OCTET a = numbers[i], b = numbers[i + 1];
        numbers[i] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
        numbers[i + 1] = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    }
}

/* Columns abreast of a channel, which begin at `x`; those behind its last are zeros. */
static void NAME(read_columns)(const REAL *channel, int64_t height, int64_t width, int64_t x,
                               WAVE *column) {
    REAL edge[2 * ALL] = {0};
    const int64_t rest = width - x;
    for (int64_t y = 0; y < height; y++) {
        const REAL *from = channel + 2 * (y * width + x);
        /* No processor guesses steps as wide as a row. */
        __builtin_prefetch(from + 2 * ALL);
        __builtin_prefetch(from + 3 * ALL);
        if (rest < ALL)
            from = memcpy(edge, from, 2 * rest * sizeof(REAL));
#pragma unroll
        for (int line = 0; line < ABREAST; line++) {
            const NAME(unaligned_octet) *pairs = (const NAME(unaligned_octet) *)from + 2 * line;
            const OCTET a = pairs[0], b = pairs[1];
            const POINT point = {__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14),
                                 __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)};
            NAME(set_point)(column + y, line, point);
        }
    }
}

/* Rows abreast, from columns abreast: ALL of each. */
INLINE void NAME(rows_of)(const WAVE *column, WAVE *rows) {
#pragma unroll
    for (int part = 0; part < 2; part++)
        for (int across = 0; across < ABREAST; across++)
            for (int down = 0; down < ABREAST; down++) {
                OCTET numbers[PLANES];
#pragma unroll
                for (int i = 0; i < PLANES; i++)
                    numbers[i] =
                        ((const OCTET *)(column + down * PLANES + i))[part * ABREAST + across];
                NAME(transpose)(numbers);
#pragma unroll
                for (int i = 0; i < PLANES; i++)
                    ((OCTET *)(rows + across * PLANES + i))[part * ABREAST + down] = numbers[i];
            }
}

/* Whether any of ALL rows from `y` on is seen: `rows` of them from `first` on, around the torus. */
INLINE int NAME(sees)(const int32_t *interval, int64_t height, int64_t y) {
    const int64_t first = interval[0], last = first + interval[1];
    return (y < last && first < y + ALL) || (y < last - height);
}

/* Add rows' transforms along x, times a row of complex numbers where it is seen, to the total. */
INLINE void NAME(add_rows)(const struct gathering *work, const WAVE *rows, int32_t which,
                           WAVE *line, WAVE *scratch, WAVE *total) {
    const int64_t width = work->across.size;
    const REAL *weights = (const REAL *)work->rows + 2 * which * width;
    const int64_t first = work->intervals[4 * which + 2], size = work->intervals[4 * which + 3];
    NAME(fourier)(&work->across, rows, 1, line, scratch);
    for (int turn = 0; turn < 2; turn++) {
        const int64_t from = turn ? 0 : first;
        const int64_t last = turn ? first + size - width : first + size;
        for (int64_t x = from; x < last && x < width; x++) {
            const REAL c = weights[2 * x], s = weights[2 * x + 1];
            total[x].re += c * line[x].re - s * line[x].im;
            total[x].im += c * line[x].im + s * line[x].re;
        }
    }
}

/* Of the sum and its mirror image's conjugate, half: the transform of what is real. */
static void NAME(even_half)(const WAVE *total, int64_t height, int64_t width, REAL *out) {
    const int64_t half = width / 2 + 1;
    for (int64_t top = 0; top < height; top += ALL)
        for (int64_t x = 0; x < half; x++) {
            const WAVE *here = total + top / ALL * width + x;
            for (int64_t y = top; y < top + ALL && y < height; y++) {
                const int64_t v = y ? height - y : 0, u = x ? width - x : 0;
                const REAL *a = (const REAL *)here + y % ALL;
                const REAL *b = (const REAL *)(total + v / ALL * width + u) + v % ALL;
                REAL *to = out + 2 * (y * half + x);
                to[0] = (a[0] + b[0]) / 2, to[1] = (a[ALL] - b[ALL]) / 2;
            }
        }
}

/* Places of the sums of channels that a Gaussian is taken off, those of rows abreast that it is
   seen in: (Gaussian, rows abreast), -1 where it is not. Returns how many there are. */
static int64_t NAME(place_sums)(const struct gathering *work, int32_t *places) {
    const int64_t height = work->down.size, lines = (height + ALL - 1) / ALL;
    int32_t count = 0;
    for (int32_t gauss = 0; gauss < work->gaussians; gauss++)
        for (int64_t i = 0; i < lines; i++) {
            const int32_t *seen = work->intervals + 4 * (work->kernels + gauss);
            const int is_seen = NAME(sees)(seen, height, i * ALL);
            if (places)
                places[gauss * lines + i] = is_seen ? count : -1;
            count += is_seen;
        }
    return count;
}

/* What sums are made in: the total, rows of a kernel, and sums for Gaussians, each by rows abreast;
   two lines of waves, and what transforms work in; and the places of sums. */
typedef struct {
    WAVE *total, *rows, *sums, *line, *other, *scratch;
    int32_t *places;
    uintptr_t end;
} NAME(gather_space);

static NAME(gather_space) NAME(space_of)(const struct gathering *work, uintptr_t at) {
    const int64_t height = work->down.size, width = work->across.size;
    const int64_t lines = (height + ALL - 1) / ALL;
    const int64_t longest = (height > width ? height : width) + ALL;
    NAME(gather_space) space;
    space.total = (WAVE *)at, at += lines * width * sizeof(WAVE);
    space.rows = (WAVE *)at, at += lines * width * sizeof(WAVE);
    space.sums = (WAVE *)at, at += NAME(place_sums)(work, NULL) * width * sizeof(WAVE);
    space.line = (WAVE *)at, at += longest * sizeof(WAVE);
    space.other = (WAVE *)at, at += longest * sizeof(WAVE);
    space.scratch = (WAVE *)at, at += NAME(scratch_of)(&work->down, &work->across) * sizeof(WAVE);
    space.places = (int32_t *)at;
    space.end = at + work->gaussians * lines * sizeof(int32_t);
    return space;
}

/* Bytes that `gather` works in. */
EXPORT int64_t NAME(gather_memory)(const struct gathering *work) {
    return NAME(space_of)(work, 0).end;
}

/* The even half (height, width / 2 + 1), of complex numbers, of the sum over kernels from `first`
   to `last`. */
EXPORT void NAME(gather)(const struct gathering *work, const void *const *channels, void *out,
                         void *memory, int32_t first, int32_t last) {
    const NAME(gather_space) space = NAME(space_of)(work, (uintptr_t)memory);
    const int64_t height = work->down.size, width = work->across.size;
    const int64_t lines = (height + ALL - 1) / ALL;
    WAVE *total = space.total, *rows = space.rows, *sums = space.sums;
    WAVE *line = space.line, *other = space.other, *scratch = space.scratch;
    const int32_t *places = space.places;
    const int64_t held = NAME(place_sums)(work, space.places);
    memset(total, 0, lines * width * sizeof(WAVE));
    memset(sums, 0, held * width * sizeof(WAVE));
    /* No row lies there, but some processors take long for numbers that are nearly 0. */
    memset(other + height, 0, ALL * sizeof(WAVE));
    for (int32_t k = first; k < last; k++) {
        const REAL *column = (const REAL *)work->columns + k * work->stride;
        const REAL c = ((const REAL *)work->weights)[2 * k];
        const REAL s = ((const REAL *)work->weights)[2 * k + 1];
        const int32_t *seen = work->intervals + 4 * k;
        for (int64_t x = 0; x < width; x += ALL) {
            NAME(read_columns)(channels[k], height, width, x, line);
            NAME(fourier)(&work->down, line, 1, other, scratch);
            const int64_t size = width - x < ALL ? width - x : ALL;
            for (int64_t i = 0; i < lines; i++) {
                const int is_seen = NAME(sees)(seen, height, i * ALL);
                const int32_t place = work->gauss[k] < 0 ? -1 : places[work->gauss[k] * lines + i];
                if (!is_seen && place < 0)
                    continue;
                WAVE turned[ALL];
                NAME(rows_of)(other + i * ALL, turned);
                SPAN weights;
                memcpy(&weights, column + i * ALL, sizeof(SPAN));
                WAVE *to = rows + i * width + x;
                for (int64_t j = 0; is_seen && j < size; j++)
                    to[j] = (WAVE){turned[j].re * weights, turned[j].im * weights};
                to = sums + place * width + x;
                for (int64_t j = 0; place >= 0 && j < size; j++) {
                    to[j].re += c * turned[j].re - s * turned[j].im;
                    to[j].im += c * turned[j].im + s * turned[j].re;
                }
            }
        }
        for (int64_t i = 0; i < lines; i++)
            if (NAME(sees)(seen, height, i * ALL))
                NAME(add_rows)(work, rows + i * width, k, line, scratch, total + i * width);
    }
    for (int32_t gauss = 0; gauss < work->gaussians; gauss++) {
        const int32_t k = work->kernels + gauss;
        const REAL *column = (const REAL *)work->columns + k * work->stride;
        for (int64_t i = 0; i < lines; i++) {
            if (places[gauss * lines + i] < 0)
                continue;
            WAVE *here = sums + places[gauss * lines + i] * width;
            SPAN weights;
            memcpy(&weights, column + i * ALL, sizeof(SPAN));
            for (int64_t x = 0; x < width; x++)
                here[x].re *= weights, here[x].im *= weights;
            NAME(add_rows)(work, here, k, line, scratch, total + i * width);
        }
    }
    NAME(even_half)(total, height, width, out);
}

#undef ALL
#undef OCTET
#undef SPAN
#undef POINT
#undef WAVE
#undef ABREAST
