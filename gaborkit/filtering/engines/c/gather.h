/* Sums over kernels of the conjugate transfer function times the transform of the kernel's channel,
   for one precision: the adjoint of filtering on a torus.

   A transfer function is the product of a column and a row, less some of a Gaussian's: see
   RoundTransfer of gathering.py. A channel is transformed along y with columns as lanes, as they
   lie, then transposed, and along x only where the kernel sees its rows. */

typedef REAL NAME(unaligned_octet)
    __attribute__((vector_size(OCTET_SIZE * sizeof(REAL)), aligned(sizeof(REAL))));

/* Rows of eight numbers become columns. */
INLINE void NAME(transpose_octets)(OCTET *rows) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const OCTET a = rows[i], b = rows[i + 4];
        rows[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        rows[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const int i = j / 2 * 4 + j % 2;
        const OCTET a = rows[i], b = rows[i + 2];
        rows[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
        rows[i + 2] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma unroll
    for (int i = 0; i < OCTET_SIZE; i += 2) {
        const OCTET a = rows[i], b = rows[i + 1];
        rows[i] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
        rows[i + 1] = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    }
}

/* SPAN_SIZE numbers of as many lines, from spans of lanes to spans of numbers. */
INLINE void NAME(transpose)(const CSPAN *in, CSPAN *out) {
#pragma unroll
    for (int part = 0; part < 2; part++)
        for (int across = 0; across < ABREAST; across++)
            for (int down = 0; down < ABREAST; down++) {
                OCTET rows[OCTET_SIZE];
#pragma unroll
                for (int i = 0; i < OCTET_SIZE; i++)
                    rows[i] =
                        ((const OCTET *)(in + down * OCTET_SIZE + i))[part * ABREAST + across];
                NAME(transpose_octets)(rows);
#pragma unroll
                for (int i = 0; i < OCTET_SIZE; i++)
                    ((OCTET *)(out + across * OCTET_SIZE + i))[part * ABREAST + down] = rows[i];
            }
}

/* Up to SPAN_SIZE columns of a channel from `x` on; the others are zeros. */
static void NAME(read_columns)(const REAL *channel, int64_t height, int64_t width, int64_t x,
                               int64_t count, CSPAN *columns) {
    REAL edge[2 * SPAN_SIZE] = {0};
    for (int64_t y = 0; y < height; y++) {
        const REAL *from = channel + 2 * (y * width + x);
        /* The next columns of this row, which no processor fetches by itself. */
        __builtin_prefetch(from + 2 * SPAN_SIZE);
        __builtin_prefetch(from + 3 * SPAN_SIZE);
        if (count < SPAN_SIZE)
            from = memcpy(edge, from, 2 * count * sizeof(REAL));
#pragma unroll
        for (int octet = 0; octet < ABREAST; octet++) {
            const NAME(unaligned_octet) *pairs = (const NAME(unaligned_octet) *)from + 2 * octet;
            const OCTET a = pairs[0], b = pairs[1];
            const COCTET numbers = {__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14),
                                    __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)};
            NAME(set_octet)(columns + y, octet, numbers);
        }
    }
}

/* Whether an arc of a circle holds any of SPAN_SIZE places from `y` on. */
INLINE int NAME(holds)(struct arc arc, int64_t size, int64_t y) {
    const int64_t last = arc.first + arc.count;
    return (y < last && arc.first < y + SPAN_SIZE) || y < last - size;
}

/* Spans of rows. */
INLINE int64_t NAME(row_spans)(const struct gathering *work) {
    return (work->down.size + SPAN_SIZE - 1) / SPAN_SIZE;
}

/* Slots of the sums of channels that Gaussians are taken off: of the Gaussians of these kernels and
   of the spans of rows in which they are seen, (Gaussian, span), -1 for others. Returns how many
   there are. */
static int64_t NAME(take_slots)(const struct gathering *work, int32_t first, int32_t last,
                                int32_t *slots) {
    const int64_t spans = NAME(row_spans)(work);
    int32_t count = 0;
    for (int32_t gauss = 0; gauss < work->gaussian_count; gauss++) {
        int is_used = 0;
        for (int32_t k = first; k < last; k++)
            is_used |= work->gauss[k] == gauss;
        const struct arc rows = work->arcs[2 * (work->kernel_count + gauss)];
        for (int64_t i = 0; i < spans; i++) {
            const int is_seen = is_used && NAME(holds)(rows, work->down.size, i * SPAN_SIZE);
            if (slots)
                slots[gauss * spans + i] = is_seen ? count : -1;
            count += is_seen;
        }
    }
    return count;
}

/* What sums are made in: the total, one kernel's rows, and sums for Gaussians, each by spans of
   rows; lines that are transformed, and their transforms, with what these work in; slots. */
typedef struct {
    CSPAN *total, *rows, *sums, *input, *output, *scratch;
    int64_t held;
    int32_t *slots;
    uintptr_t end;
} NAME(gather_workspace);

static NAME(gather_workspace)
    NAME(gather_layout)(const struct gathering *work, int32_t first, int32_t last, uintptr_t at) {
    const int64_t height = work->down.size, width = work->across.size;
    const int64_t spans = NAME(row_spans)(work);
    const int64_t longest = (height > width ? height : width) + SPAN_SIZE;
    NAME(gather_workspace) space;
    space.held = NAME(take_slots)(work, first, last, NULL) * width;
    space.total = (CSPAN *)at, at += spans * width * sizeof(CSPAN);
    space.rows = (CSPAN *)at, at += spans * width * sizeof(CSPAN);
    space.sums = (CSPAN *)at, at += space.held * sizeof(CSPAN);
    space.input = (CSPAN *)at, at += longest * sizeof(CSPAN);
    space.output = (CSPAN *)at, at += longest * sizeof(CSPAN);
    space.scratch = (CSPAN *)at, at += NAME(scratch_of)(&work->down, &work->across) * sizeof(CSPAN);
    space.slots = (int32_t *)at;
    space.end = at + work->gaussian_count * spans * sizeof(int32_t);
    return space;
}

/* Bytes that `gather` works in. */
EXPORT int64_t NAME(gather_memory)(const struct gathering *work, int32_t first, int32_t last) {
    return NAME(gather_layout)(work, first, last, 0).end;
}

/* Transform a channel along y, and put what is seen of it where rows and sums are made. */
static void NAME(gather_columns)(const struct gathering *work, const void *channel, int32_t k,
                                 const NAME(gather_workspace) * space) {
    const int64_t height = work->down.size, width = work->across.size;
    const REAL *column = (const REAL *)work->columns + k * work->stride;
    const REAL *weight = (const REAL *)work->weights + 2 * k;
    /* The first columns are those before a line of the cache: all others are read by whole lines.
     */
    const int64_t lead = -(uintptr_t)channel % CACHE_LINE / (2 * sizeof(REAL));
    for (int64_t x = 0, count; x < width; x += count) {
        count = !x && lead ? lead : SPAN_SIZE;
        count = width - x < count ? width - x : count;
        NAME(read_columns)(channel, height, width, x, count, space->input);
        NAME(fourier)(&work->down, space->input, 1, space->output, space->scratch);
        for (int64_t i = 0; i < NAME(row_spans)(work); i++) {
            const int is_seen = NAME(holds)(work->arcs[2 * k], height, i * SPAN_SIZE);
            const int32_t gauss = work->gauss[k];
            const int32_t slot = gauss < 0 ? -1 : space->slots[gauss * NAME(row_spans)(work) + i];
            if (!is_seen && slot < 0)
                continue;
            CSPAN rows[SPAN_SIZE];
            NAME(transpose)(space->output + i * SPAN_SIZE, rows);
            if (is_seen) {
                CSPAN *to = space->rows + i * width + x;
                SPAN factors;
                memcpy(&factors, column + i * SPAN_SIZE, sizeof(SPAN));
                for (int64_t j = 0; j < count; j++)
                    to[j] = (CSPAN){rows[j].re * factors, rows[j].im * factors};
            }
            if (slot >= 0) {
                CSPAN *to = space->sums + slot * width + x;
                for (int64_t j = 0; j < count; j++)
                    to[j] = NAME(sum)(to[j], NAME(times)(rows + j, weight));
            }
        }
    }
}

/* Add a span of rows' transforms along x, times a row of numbers where it is seen, to the total. */
static void NAME(add_rows)(const struct gathering *work, const CSPAN *rows, int32_t k, int64_t span,
                           const NAME(gather_workspace) * space) {
    const int64_t width = work->across.size;
    const REAL *factors = (const REAL *)work->rows + 2 * k * width;
    const struct arc seen = work->arcs[2 * k + 1];
    CSPAN *total = space->total + span * width;
    NAME(fourier)(&work->across, rows, 1, space->output, space->scratch);
    for (int64_t i = 0; i < seen.count; i++) {
        const int64_t x = seen.first + i < width ? seen.first + i : seen.first + i - width;
        total[x] = NAME(sum)(total[x], NAME(times)(space->output + x, factors + 2 * x));
    }
}

/* The Hermitian part of a spectrum, columns 0 to width / 2: what is left of it if its inverse
   transform's imaginary part is left out. */
static void NAME(hermitian_half)(const CSPAN *spectrum, int64_t height, int64_t width, REAL *out) {
    const int64_t half = width / 2 + 1;
    for (int64_t top = 0; top < height; top += SPAN_SIZE)
        for (int64_t x = 0; x < half; x++) {
            const CSPAN *here = spectrum + top / SPAN_SIZE * width + x;
            for (int64_t y = top; y < top + SPAN_SIZE && y < height; y++) {
                const int64_t v = y ? height - y : 0, u = x ? width - x : 0;
                const REAL *a = (const REAL *)here + y % SPAN_SIZE;
                const REAL *b =
                    (const REAL *)(spectrum + v / SPAN_SIZE * width + u) + v % SPAN_SIZE;
                REAL *to = out + 2 * (y * half + x);
                to[0] = (a[0] + b[0]) / 2, to[1] = (a[SPAN_SIZE] - b[SPAN_SIZE]) / 2;
            }
        }
}

/* The Hermitian half (height, width / 2 + 1), of complex numbers, of the sum over kernels from
   `first` to `last`. */
EXPORT void NAME(gather)(const struct gathering *work, const void *const *channels, void *out,
                         void *memory, int32_t first, int32_t last) {
    const NAME(gather_workspace) space = NAME(gather_layout)(work, first, last, (uintptr_t)memory);
    const int64_t height = work->down.size, width = work->across.size;
    const int64_t spans = NAME(row_spans)(work);
    NAME(take_slots)(work, first, last, space.slots);
    memset(space.total, 0, spans * width * sizeof(CSPAN));
    memset(space.sums, 0, space.held * sizeof(CSPAN));
    for (int32_t k = first; k < last; k++) {
        NAME(gather_columns)(work, channels[k], k, &space);
        for (int64_t i = 0; i < spans; i++)
            if (NAME(holds)(work->arcs[2 * k], height, i * SPAN_SIZE))
                NAME(add_rows)(work, space.rows + i * width, k, i, &space);
    }
    for (int32_t gauss = 0; gauss < work->gaussian_count; gauss++) {
        const int32_t k = work->kernel_count + gauss;
        const REAL *column = (const REAL *)work->columns + k * work->stride;
        for (int64_t i = 0; i < spans; i++) {
            if (space.slots[gauss * spans + i] < 0)
                continue;
            CSPAN *sums = space.sums + space.slots[gauss * spans + i] * width;
            SPAN factors;
            memcpy(&factors, column + i * SPAN_SIZE, sizeof(SPAN));
            for (int64_t x = 0; x < width; x++)
                sums[x].re *= factors, sums[x].im *= factors;
            NAME(add_rows)(work, sums, k, i, &space);
        }
    }
    NAME(hermitian_half)(space.total, height, width, out);
}
